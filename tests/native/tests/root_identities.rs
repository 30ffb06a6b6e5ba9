//! Ids, accounts and names: no two tenants share any, and nothing of one is left for the next.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use native::{wait_for, with_pool};
use os_testkit::{Ran, Sandbox};
use serde_json::json;

/// The first host id of a user's map of user ids.
fn first_id(sandbox: &Sandbox, user: &str) -> Result<u64> {
    let shown = sandbox.json(&["user", "show", user])?;
    let entry = shown["uid_map"][0].as_str().context("an entry")?;
    let host = entry.split(':').nth(1).context("a host id")?;
    Ok(host.parse()?)
}

fn etc(sandbox: &Sandbox, name: &str) -> Result<String> {
    Ok(fs::read_to_string(sandbox.path("etc").join(name))?)
}

#[expect(clippy::disallowed_methods, reason = "an administrator edits a file")]
fn write_etc(sandbox: &Sandbox, name: &str, text: &str) -> Result<()> {
    Ok(fs::write(sandbox.path("etc").join(name), text)?)
}

/// Everything in the runtime directory, the account files, control groups and logs that bears a name.
fn named_after(sandbox: &Sandbox, name: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![
        sandbox.path("run"),
        sandbox.path("tank/log"),
        sandbox.path("tank/hook"),
    ];
    let parent = sandbox.cgroup_parent();
    let tops = fs::read_dir("/sys/fs/cgroup")?
        .flatten()
        .map(|top| top.path());
    let tops = tops.chain(["/sys/fs/cgroup".into()]);
    folders.extend(tops.map(|top| top.join(&parent)).filter(|top| top.is_dir()));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)?.flatten() {
            let path = entry.path();
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.split(['.', '-']).any(|part| part == name) {
                found.push(path.display().to_string());
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
            }
        }
    }
    for file in ["passwd", "group", "subuid", "subgid"] {
        if etc(sandbox, file)?.contains(name) {
            found.push(format!("/etc/{file}"));
        }
    }
    Ok(found)
}

#[test]
fn an_id_of_100_characters_works() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for (id, other) in [
        ("w".repeat(100), "W".repeat(100)),
        ("x".repeat(28), "X".repeat(28)),
    ] {
        let long = sandbox.container(&id)?;
        assert_eq!(long.sh("id -u")?, "0\n");
        let user = sandbox.json(&["user", "show", &id])?;
        let name = user["username"].as_str().context("a name")?;
        ensure!(
            name.len() <= 32 && etc(&sandbox, "passwd")?.contains(name),
            "{name}"
        );
        // The other container has ids of its own, although its id differs in case alone.
        let second = sandbox.container(&other)?;
        assert_eq!(second.sh("id -u")?, "0\n");
        let shown = second.show()?;
        let dedicated = shown["user"].as_str().context("a user")?;
        ensure!(dedicated != id && dedicated.len() <= 100, "{dedicated}");
        ensure!(first_id(&sandbox, dedicated)? != first_id(&sandbox, &id)?);
        for container in [&long, &second] {
            container.kill()?;
            sandbox.ok(&["ct", "del", container.name()])?;
        }
    }
    assert_eq!(sandbox.json(&["user", "ls"])?, json!([]));
    sandbox.finish(daemon)
}

#[test]
fn an_undo_gives_nobody_the_ids_of_another() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    // The pool that comes first wins where nothing else decides.
    sandbox.pool("aux")?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "aux:bob"])?;
    let bob = json!({ "pool": "aux", "name": "bob" });
    let deletion = sandbox.command("user-del", &bob)?;
    let deleted = deletion["id"].as_str().context("the deletion")?;
    let web = sandbox.container("tank:web")?;
    let Ran { code, stderr, .. } = sandbox.osctl(&["undo", deleted])?;
    ensure!(
        code != 0,
        "the ids of bob belong to the user of a container"
    );
    ensure!(
        stderr.contains("aux:bob") && stderr.contains("tank:web"),
        "{stderr}"
    );
    ensure!(stderr.contains("osctl "), "no next command: {stderr}");
    assert_eq!(sandbox.json(&["user", "ls", "--pool", "aux"])?, json!([]));
    assert_eq!(web.sh("id -u")?, "0\n");
    sandbox.ok(&["ct", "restart", "--kill", "tank:web"])?;
    sandbox.finish(daemon)
}

#[test]
fn freed_blocks_are_given_to_nobody_while_the_operation_may_go_back() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let hangs = "id-range-free:2:after:fail,id-range-free:revert-2:before:hang";
    let daemon = sandbox.start_with(&["--fault", hangs])?;
    sandbox.wait_ready()?;
    sandbox.pool("tank")?;
    sandbox.pool("aux")?;
    let allocated = || -> Result<Vec<u64>> {
        let table = sandbox.json(&["id-range", "table", "ls", "tank:default", "allocated"])?;
        let table = table.as_array().into_iter().flatten();
        Ok(table.filter_map(|part| part["first_id"].as_u64()).collect())
    };
    for _ in 0..2 {
        sandbox.ok(&["id-range", "allocate", "--owner", "x", "tank:default"])?;
    }
    let before = allocated()?;
    let body = json!({ "pool": "tank", "name": "default", "owner": "x" });
    sandbox.request("POST", "/v1/commands/id-range-free", Some(&body))?;
    wait_for("both blocks to be free", || {
        Ok(allocated()?.is_empty().then_some(()))
    })?;
    sandbox.ok(&["user", "new", "aux:bob"])?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(allocated()?, before, "the free has gone back");
    let bob = first_id(&sandbox, "aux:bob")?;
    ensure!(!before.contains(&bob), "{bob} belongs to x: {before:?}");
    sandbox.finish(daemon)
}

#[test]
fn the_ids_of_an_exported_pool_stay_reserved() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.pool("two")?;
    sandbox.ok(&["user", "new", "two:bob"])?;
    let bob = first_id(&sandbox, "two:bob")?;
    sandbox.ok(&["pool", "export", "two"])?;
    // Also by a daemon that has never seen the pool imported.
    daemon.stop()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["user", "new", "tank:alice"])?;
    let alice = first_id(&sandbox, "tank:alice")?;
    ensure!(alice >= bob + 65_536, "alice got {alice}, bob has {bob}");
    let by_hand = format!("0:{bob}:10");
    let Ran { code, stderr, .. } = sandbox.osctl(&["user", "new", "--map", &by_hand, "carol"])?;
    ensure!(code != 0 && stderr.contains("two:bob"), "{stderr}");
    ensure!(stderr.contains("osctl pool sources"), "{stderr}");
    sandbox.ok(&["pool", "import", "two"])?;
    let shown = sandbox.json(&["user", "show", "two:bob"])?;
    assert_eq!(
        (&shown["health"], &shown["registered"]),
        (&json!("ok"), &json!(true))
    );
    sandbox.ok(&["pool", "export", "two"])?;
    sandbox.ok(&["pool", "forget", "two"])?;
    sandbox.ok(&["user", "new", "--map", &by_hand, "carol"])?;
    sandbox.finish(daemon)
}

/// Two users with the same ids come about where a pool comes from another host, or was forgotten:
/// the one that was here first keeps them, whatever is restarted, and nothing of the other runs.
#[test]
fn who_was_here_first_keeps_its_ids() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.pool("aaa")?;
    let bob = sandbox.new_container("aaa:bob", &[])?;
    let source = sandbox.path("var/lib/osctl/images/aaa.img");
    sandbox.ok(&["pool", "export", "aaa"])?;
    sandbox.ok(&["pool", "forget", "aaa"])?;
    let web = sandbox.container("tank:web")?;
    assert_eq!(first_id(&sandbox, "tank:web")?, 1_000_000);
    let source = source.to_str().context("text")?;
    sandbox.ok(&["pool", "import", "--source", source, "aaa"])?;
    let mut daemon = daemon;
    for _ in 0..2 {
        let ran = sandbox.osctl(&["user", "register", "aaa:bob"])?;
        ensure!(ran.code != 0 && ran.stderr.contains("tank:web"), "{ran:?}");
        let ran = sandbox.osctl(&["ct", "start", bob.name()])?;
        ensure!(ran.code != 0, "{ran:?}");
        assert_eq!(web.sh("id -u")?, "0\n");
        let shown = sandbox.json(&["user", "show", "tank:web"])?;
        assert_eq!(
            (&shown["health"], &shown["registered"]),
            (&json!("ok"), &json!(true))
        );
        daemon.stop()?;
        // In the order of names the other pool is now the first.
        daemon = sandbox.start_ready()?;
    }
    sandbox.finish(daemon)
}

#[test]
fn a_name_that_was_used_before_starts() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.kill()?;
    sandbox.ok(&["ct", "del", "web"])?;
    // Takes the id of the system user that web had.
    sandbox.ok(&["user", "new", "other"])?;
    let web = sandbox.container("web")?;
    assert_eq!(web.sh("id -u")?, "0\n");
    sandbox.finish(daemon)
}

#[test]
fn nothing_named_after_it_is_left() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    ensure!(
        !named_after(&sandbox, "web")?.is_empty(),
        "the search finds nothing"
    );
    web.kill()?;
    sandbox.ok(&["ct", "del", "web"])?;
    assert_eq!(named_after(&sandbox, "web")?, Vec::<String>::new());

    sandbox.ok(&["user", "new", "alice"])?;
    let db = sandbox.new_container("db", &["--user", "alice"])?;
    db.start()?;
    db.kill()?;
    sandbox.ok(&["ct", "rename", "db", "data"])?;
    assert_eq!(named_after(&sandbox, "db")?, Vec::<String>::new());
    sandbox.known_container("data").start()?;
    sandbox.ok(&["ct", "del", "-f", "data"])?;
    assert_eq!(named_after(&sandbox, "data")?, Vec::<String>::new());
    sandbox.ok(&["user", "del", "alice"])?;
    assert_eq!(named_after(&sandbox, "alice")?, Vec::<String>::new());
    sandbox.finish(daemon)
}

#[test]
fn hook_scripts_follow_a_rename() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.container("web")?.kill()?;
    sandbox.ok(&["ct", "chown", "web", "alice"])?;
    let ran = sandbox.path("ran");
    let script = format!("#!/bin/sh\necho $OSCTL_CT_ID >> {}\n", ran.display());
    let hook = sandbox.path("tank/hook/ct/web/pre-start");
    native::write(&hook, &script)?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    sandbox.ok(&["ct", "rename", "web", "www"])?;
    assert_eq!(named_after(&sandbox, "web")?, Vec::<String>::new());
    ensure!(
        sandbox.path("tank/log/ct/www.log").exists(),
        "its log moves, too"
    );
    sandbox.known_container("www").start()?;
    assert_eq!(fs::read_to_string(&ran)?, "www\n");
    sandbox.finish(daemon)
}

/// Else the next container of that id, perhaps another tenant's, would run them as root.
#[test]
fn hook_scripts_go_with_their_container() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let new = |id| sandbox.new_container(id, &["--user", "alice"]);
    new("web")?;
    let ran = sandbox.path("ran");
    let script = format!("#!/bin/sh\necho $OSCTL_CT_USER >> {}\n", ran.display());
    let hook = sandbox.path("tank/hook/ct/web/pre-start");
    native::write(&hook, &script)?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    sandbox.ok(&["ct", "del", "web"])?;
    ensure!(!hook.exists(), "the script is left");

    new("web")?.start()?;
    ensure!(!ran.exists(), "the script of a deleted container was run");
    sandbox.ok(&["ct", "del", "-f", "web"])?;

    new("db")?;
    let hook = sandbox.path("tank/hook/ct/db/pre-start");
    native::write(&hook, &script)?;
    let deletion = sandbox.command("container-del", &json!({ "name": "db" }))?;
    let deleted = deletion["id"].as_str().context("the deletion")?;
    sandbox.ok(&["undo", deleted])?;
    assert_eq!(fs::read_to_string(&hook)?, script);

    sandbox.ok(&["ct", "del", "db"])?;
    let trash = sandbox.path("tank/hook/trash");
    assert_eq!(fs::read_dir(&trash)?.count(), 2);
    sandbox.ok(&["trash-bin", "prune", "tank"])?;
    assert_eq!(fs::read_dir(&trash)?.count(), 0);
    sandbox.finish(daemon)
}

/// The host's own delegations, written while osctld runs, win over users of pools.
#[test]
fn a_user_with_ids_of_the_host_is_disabled() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let web = sandbox.new_container("web", &["--user", "alice"])?;
    let first = first_id(&sandbox, "alice")?;
    let whole = etc(&sandbox, "subuid")?;
    write_etc(&sandbox, "subuid", &format!("{whole}podman:{first}:10\n"))?;
    let ran = sandbox.osctl(&["ct", "start", web.name()])?;
    ensure!(ran.code != 0 && ran.stderr.contains("podman"), "{ran:?}");
    let user = sandbox.json(&["user", "show", "alice"])?;
    assert_eq!(user["health"], "disabled", "{user}");
    write_etc(&sandbox, "subuid", &whole)?;
    web.start()?;
    sandbox.finish(daemon)
}

#[test]
fn a_damaged_block_keeps_no_daemon_from_starting() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let mut daemon = daemon;
    for file in ["passwd", "group", "subuid", "subgid"] {
        let whole = etc(&sandbox, file)?;
        daemon.stop()?;
        let damaged = whole.replace("# osctl end", "# osctl en");
        ensure!(damaged != whole, "{file} has a block: {whole}");
        write_etc(&sandbox, file, &damaged)?;
        daemon = sandbox.start_ready()?;
        assert_eq!(web.sh("id -u")?, "0\n");
        let health = sandbox.osctl(&["healthcheck"])?;
        let told = format!("{}{}", health.stdout, health.stderr);
        ensure!(
            told.contains(file) && told.contains("osctl activate"),
            "{told}"
        );
        sandbox.ok(&["activate"])?;
        assert_eq!(etc(&sandbox, file)?, whole);
        let health = sandbox.osctl(&["healthcheck"])?;
        assert_eq!(health.code, 0, "{health:?}");
    }
    sandbox.finish(daemon)
}

#[test]
fn marker_lines_removed_by_hand_are_healed() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let mut daemon = daemon;
    for restart in [false, true] {
        for file in ["passwd", "group", "subuid", "subgid"] {
            let whole = etc(&sandbox, file)?;
            let lines = whole.split_inclusive('\n');
            let bare: String = lines.filter(|line| !line.starts_with("# osctl")).collect();
            write_etc(&sandbox, file, &bare)?;
            if restart {
                daemon.stop()?;
                daemon = sandbox.start_ready()?;
            }
            sandbox.ok(&["activate"])?;
            assert_eq!(etc(&sandbox, file)?, whole, "{file}, restart: {restart}");
            let user = sandbox.json(&["user", "show", "alice"])?;
            assert_eq!(user["registered"], true);
        }
    }
    sandbox.finish(daemon)
}

#[test]
fn a_locked_passwd_leaves_no_half_a_user() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let before = etc(&sandbox, "group")?;
    // As vipw holds it: with the process id of somebody who lives.
    write_etc(
        &sandbox,
        "passwd.lock",
        &format!("{}\0", std::process::id()),
    )?;
    let ran = sandbox.osctl(&["user", "new", "alice"])?;
    ensure!(
        ran.code != 0 && ran.stderr.contains("passwd.lock"),
        "{ran:?}"
    );
    assert_eq!(sandbox.json(&["user", "ls"])?, json!([]));
    assert_eq!(etc(&sandbox, "group")?, before);
    let table = sandbox.ok(&["id-range", "table", "ls", "default", "allocated"])?;
    ensure!(!table.contains("alice"), "{table}");
    fs::remove_file(sandbox.path("etc/passwd.lock"))?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.finish(daemon)
}

/// Killed twice in its recovery, as C9 of the chaos runs.
#[test]
fn a_user_whose_recovery_is_killed_is_registered_in_the_end() -> Result<()> {
    for second in ["3:before", "3:after", "end:before", "end:after"] {
        let (sandbox, daemon) = with_pool()?;
        daemon.stop()?;
        let daemon = sandbox.start_with(&["--fault", "user-new:3:before:kill"])?;
        sandbox.wait_ready()?;
        drop(sandbox.osctl(&["user", "new", "alice"])?);
        daemon.wait(Duration::from_secs(10))?;
        let fault = format!("user-new:{second}:kill");
        let daemon = sandbox.launch(&["--fault", &fault])?;
        daemon.wait(Duration::from_secs(10))?;
        let daemon = sandbox.start_ready()?;
        let user = sandbox.json(&["user", "show", "alice"])?;
        assert_eq!(user["registered"], true, "{second}");
        sandbox.finish(daemon)?;
    }
    Ok(())
}

/// The file is what protects the ids of pools that are not imported.
#[test]
fn no_ids_are_given_that_the_host_cannot_remember() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let file = sandbox.path("var/lib/osctl/ids.toml");
    sandbox.ok(&["user", "new", "alice"])?;
    fs::remove_file(&file)?;
    fs::create_dir_all(file.join("in the way"))?;
    let refused = sandbox.osctl(&["user", "new", "bob"])?;
    ensure!(
        refused.code != 0 && refused.stderr.contains("ids.toml"),
        "{refused:?}"
    );
    assert_eq!(sandbox.osctl(&["user", "show", "bob"])?.code, 3);
    // A pool can still be exported and imported, and healthcheck reports it.
    sandbox.ok(&["pool", "export", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    let health = sandbox.osctl(&["healthcheck"])?;
    ensure!(
        health.code != 0 && health.stdout.contains("ids.toml"),
        "{health:?}"
    );
    fs::remove_dir_all(&file)?;
    sandbox.ok(&["activate"])?;
    sandbox.ok(&["healthcheck"])?;
    ensure!(fs::read_to_string(&file)?.contains("alice"));
    sandbox.ok(&["user", "new", "bob"])?;
    sandbox.finish(daemon)
}
