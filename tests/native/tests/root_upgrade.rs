//! What an older osctld left: pools of schema 1, also half of one, and journals of its operations. And what
//! a newer one left.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use native::with_pool;
use os_testkit::Sandbox;
use serde_json::Value;

/// Replaces a configuration file, as a person with an editor would.
fn put(sandbox: &Sandbox, path: &str, text: &str) -> Result<()> {
    let path = sandbox.path(path);
    fs::remove_file(&path)?;
    native::write(path, text)
}

fn read(sandbox: &Sandbox, path: &str) -> Result<String> {
    fs::read_to_string(sandbox.path(path)).with_context(|| path.to_owned())
}

/// Leaves the pool imported, with its files as a daemon of schema 1 writes them.
fn go_back_to_schema_1(sandbox: &Sandbox) -> Result<()> {
    sandbox.ok(&["pool", "export", "--schema", "1", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"]).map(drop)
}

/// The migration changes one file at a time, with the first change of its entity: so a pool may have files
/// of both schemas at any time. A file that was cut in half disables its own container only.
#[test]
fn half_of_a_pool_of_schema_1_is_migrated() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for name in ["old", "new", "half"] {
        sandbox.new_container(name, &[])?;
        sandbox.ok(&["ct", "set", "hostname", name, "www.example.org"])?;
    }
    go_back_to_schema_1(&sandbox)?;
    let half = read(&sandbox, "tank/conf/ct/half.toml")?;
    ensure!(half.starts_with("schema = 1\n"), "{half}");
    sandbox.ok(&["ct", "set", "nesting", "new"])?;
    let (front, _) = half.split_at(half.len() / 2);
    put(&sandbox, "tank/conf/ct/half.toml", front)?;
    daemon.kill()?;

    let daemon = sandbox.start_ready()?;
    for (name, schema) in [("old", "schema = 1\n"), ("new", "schema = 2\n")] {
        let text = read(&sandbox, &format!("tank/conf/ct/{name}.toml"))?;
        ensure!(text.starts_with(schema), "{text}");
        let shown = sandbox.json(&["ct", "show", name])?;
        assert_eq!(shown["hostname"], "www.example.org", "{shown}");
        sandbox.known_container(name).start()?;
    }
    let refused = sandbox.osctl(&["ct", "start", "half"])?;
    ensure!(
        refused.code == 5 && refused.stderr.contains("half.toml:"),
        "{refused:?}"
    );
    let export = ["pool", "export", "-f", "--schema", "1", "tank"];
    let refused = sandbox.osctl(&export)?;
    ensure!(
        refused.code != 0 && refused.stderr.contains("half"),
        "{refused:?}"
    );
    put(&sandbox, "tank/conf/ct/half.toml", &half)?;
    sandbox.ok(&["pool", "reload", "tank"])?;
    sandbox.known_container("half").start()?;
    sandbox.ok(&["ct", "unset", "nesting", "new"])?;
    sandbox.ok(&export)?;
    sandbox.ok(&["pool", "import", "tank"])?;
    let new = read(&sandbox, "tank/conf/ct/new.toml")?;
    ensure!(new.starts_with("schema = 1\n"), "{new}");
    sandbox.finish(daemon)
}

/// A pool that a newer osctld has changed is not imported; the one file of a newer schema is named. That of
/// the pool itself is in `root_pools`.
#[test]
fn a_pool_with_a_container_of_schema_3_is_refused() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    let path = "tank/conf/ct/web.toml";
    let newer = read(&sandbox, path)?.replace("schema = 2", "schema = 3");
    put(&sandbox, path, &newer)?;
    sandbox.ok(&["pool", "export", "tank"])?;
    for _ in 0..2 {
        let import = sandbox.osctl(&["pool", "import", "tank"])?;
        ensure!(import.code == 5, "{import:?}");
        for words in ["E-POOL-SCHEMA", "web.toml", "schema 3 is newer"] {
            ensure!(import.stderr.contains(words), "{import:?}");
        }
        ensure!(!sandbox.path("tank/conf").exists(), "it was left open");
    }
    sandbox.finish(daemon)
}

/// The journal of `osctl ct rename web www` as the osctld of commit b75ceeb left it when it was killed
/// before its second step. `BOOT` and `CONFIG` are filled in.
const OLD_JOURNAL: &str = r#"{"record":"begin","schema":1,"id":"20261130-120000.000-0001","command":"container-rename","cli":"osctl ct rename web www","uid":0,"pid":42,"created":"2026-11-30T12:00:00Z","started":"2026-11-30T12:00:00Z","boot":"BOOT","host":"0123456789abcdef0123456789abcdef","plan":{"steps":[{"step":"file","path":"tank:conf/ct/web.toml","before":CONFIG,"after":null},{"step":"dataset-name","before":"tank/ct/web","after":"tank/ct/www"},{"step":"directory","path":"tank:hook/ct/www","mode":448,"to":"present"},{"step":"directory","path":"tank:hook/ct/web","mode":448,"to":"absent"},{"step":"file","path":"tank:conf/ct/www.toml","before":null,"after":CONFIG}],"touches":[{"kind":"container","pool":"tank","name":"web"},{"kind":"container","pool":"tank","name":"www"}],"journal":{"place":"pool","pool":"tank"}}}
{"record":"intent","step":1}
{"record":"done","step":1,"outcome":"changed"}
{"record":"intent","step":2}
"#;

/// A running container stays as it is meanwhile.
#[test]
fn an_operation_that_an_older_daemon_began_is_finished() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    let mail = sandbox.new_container("mail", &[])?;
    go_back_to_schema_1(&sandbox)?;
    mail.start()?;
    let init = mail.init_pid()?;
    daemon.kill()?;
    let config = read(&sandbox, "tank/conf/ct/web.toml")?;
    fs::remove_file(sandbox.path("tank/conf/ct/web.toml"))?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let journal = OLD_JOURNAL.replace("BOOT", boot.trim());
    let journal = journal.replace("CONFIG", &Value::from(config.clone()).to_string());
    let open = "tank/journal/open/20261130-120000.000-0001.jsonl";
    native::write(sandbox.path(open), journal)?;

    let daemon = sandbox.start_ready()?;
    let shown = sandbox.json(&["operation", "show", "20261130-120000.000-0001"])?;
    assert_eq!(shown["state"], "finished", "{shown}");
    assert_eq!(read(&sandbox, "tank/conf/ct/www.toml")?, config);
    ensure!(!sandbox.path(open).exists(), "its journal is still open");
    assert_eq!(sandbox.osctl(&["ct", "show", "web"])?.code, 3);
    sandbox.known_container("www").start()?;
    assert_eq!(mail.init_pid()?, init);
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}
