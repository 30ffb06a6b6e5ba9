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

const WEB: &str = "tank/conf/ct/web.toml";

/// State and init of each container.
fn inits(sandbox: &Sandbox) -> Result<Vec<(Value, Value)>> {
    let list = sandbox.json(&["ct", "ls"])?;
    let list = list.as_array().context("a list")?;
    Ok(list
        .iter()
        .map(|ct| (ct["state"].clone(), ct["init_pid"].clone()))
        .collect())
}

/// A later version wrote one file and went away, another file is cut off. The pool comes in, what runs is
/// listed and can be stopped, and the files stay as they are.
#[test]
fn what_runs_with_a_file_that_cannot_be_read() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for name in ["web", "cut", "good"] {
        sandbox.container(name)?;
    }
    let before = inits(&sandbox)?;
    daemon.kill()?;
    let newer = read(&sandbox, WEB)?;
    let newer = newer.replace("schema = 2", "schema = 99\ncolour = \"red\"");
    put(&sandbox, WEB, &newer)?;
    put(&sandbox, "tank/conf/ct/cut.toml", "")?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(inits(&sandbox)?, before);

    let pool = sandbox.json(&["pool", "show", "tank"])?;
    assert_eq!(
        (&pool["health"], &pool["disabled"]),
        (&"degraded".into(), &2.into())
    );
    let check = sandbox.osctl(&["healthcheck"])?;
    assert_eq!(check.code, 1, "{check:?}");
    for words in [
        "container tank:web",
        "schema 99 is newer",
        "container tank:cut",
    ] {
        ensure!(check.stdout.contains(words), "{words}: {}", check.stdout);
    }
    for command in [
        &["ct", "start", "web"][..],
        &["ct", "set", "nesting", "web"],
        &["ct", "del", "-f", "web"],
    ] {
        let ran = sandbox.osctl(command)?;
        ensure!(
            ran.code == 5 && ran.stderr.contains("E-POOL-SCHEMA"),
            "{command:?}: {ran:?}"
        );
    }
    assert_eq!(inits(&sandbox)?, before, "a refused command did something");
    sandbox.ok(&["ct", "stop", "--kill", "web", "cut"])?;
    sandbox.ok(&["pool", "export", "-f", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    let states: Vec<_> = inits(&sandbox)?
        .into_iter()
        .map(|(state, _)| state)
        .collect();
    assert_eq!(states, ["stopped"; 3]);
    assert_eq!(read(&sandbox, WEB)?, newer);
    let ours = newer.replace("schema = 99\ncolour = \"red\"", "schema = 2");
    put(&sandbox, WEB, &ours)?;
    sandbox.ok(&["pool", "reload", "tank"])?;
    sandbox.ok(&["ct", "start", "web"])?;
    sandbox.ok(&["ct", "del", "-f", "web", "cut", "good"])?;
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
