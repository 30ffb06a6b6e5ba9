//! `osctl daemon`: the daemon is stopped and started without cutting off what it does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};
use native::{wait_for, with_pool, write};
use os_testkit::Sandbox;
use serde_json::{Value, json};

/// A script that the daemon runs at one of its own ends.
fn script(sandbox: &Sandbox, name: &str, text: &str) -> Result<()> {
    let path = sandbox.path(&format!("run/osctl/hooks/daemon/{name}"));
    write(&path, format!("#!/bin/sh\n{text}\n"))?;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o500),
    )?)
}

fn status(sandbox: &Sandbox) -> Result<Value> {
    sandbox.json(&["daemon", "status"])
}

fn expect(sandbox: &Sandbox, phase: &str, is_open: bool) -> Result<()> {
    let status = status(sandbox)?;
    assert_eq!(status["phase"], phase, "{status}");
    assert_eq!(status["ready"], phase == "ready", "{status}");
    assert_eq!(status["lifecycle_admission"], is_open, "{status}");
    Ok(())
}

#[test]
fn containers_run_on_and_commands_about_them_wait_for_the_next_daemon() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let shown = status(&sandbox)?;
    assert_eq!(shown["schema"], 1);
    assert_eq!(shown["legacy"], false);
    assert_eq!(shown["initialized"], true);
    for list in ["failures", "orphans", "drain_blockers"] {
        assert_eq!(shown[list], json!([]), "{list}");
    }
    expect(&sandbox, "ready", true)?;
    sandbox.ok(&["daemon", "prepare-stop"])?;
    sandbox.ok(&["daemon", "prepare-stop"])?;
    expect(&sandbox, "prepared", false)?;
    for command in [
        &["ct", "stop", "web"][..],
        &["ct", "restart", "web"],
        &["ct", "del", "-f", "web"],
    ] {
        let ran = sandbox.osctl(command)?;
        ensure!(
            ran.code == 6 && ran.stderr.contains("E-DRAINING"),
            "{command:?} {ran:?}"
        );
        ensure!(
            ran.stderr
                .contains("container lifecycle admission is closed"),
            "{ran:?}"
        );
    }
    // What concerns no life of a container goes on.
    sandbox.ok(&["user", "new", "alice"])?;
    assert_eq!(web.sh("echo up")?, "up\n");
    // A guest that reboots meanwhile is started when commands are accepted again.
    web.exec(&["reboot", "-f"])?;
    web.wait_for("starting")?;
    let init = web.show()?["init_pid"].clone();
    assert_eq!(init, json!(null));
    daemon.stop()?;
    let daemon = sandbox.start()?;
    sandbox.ok(&["daemon", "wait-ready", "--timeout", "60"])?;
    expect(&sandbox, "ready", true)?;
    web.wait_for("running")?;
    sandbox.ok(&["ct", "stop", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn without_a_daemon_it_is_waited_for() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let ran = sandbox.osctl(&["daemon", "wait-ready", "--timeout", "1"])?;
    ensure!(
        ran.code == 10 && ran.stderr.contains("E-NO-DAEMON"),
        "{ran:?}"
    );
    let ran = sandbox.osctl(&["daemon", "status"])?;
    assert_eq!(ran.code, 10, "{ran:?}");
    Ok(())
}

#[test]
fn a_running_command_is_waited_for_and_resume_ends_the_wait() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let folder = sandbox.path("tank/hook/ct/web");
    let gate = sandbox.path("gate");
    let hook = folder.join("pre-start");
    write(
        &hook,
        format!(
            "#!/bin/sh\nwhile [ ! -e {} ]; do sleep 0.05; done\n",
            gate.display()
        ),
    )?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    sandbox.ok(&["ct", "start", "--wait", "0", "web"])?;
    let mut prepare = sandbox
        .osctl_command(&["daemon", "prepare-stop"])?
        .spawn()?;
    let blockers = wait_for("the drain", || {
        let status = status(&sandbox)?;
        let is_draining = status["phase"] == "draining" && status["lifecycle_admission"] == false;
        Ok(is_draining.then(|| status["drain_blockers"].to_string()))
    })?;
    ensure!(blockers.contains("ct start --wait 0 web"), "{blockers}");
    sandbox.ok(&["daemon", "resume"])?;
    expect(&sandbox, "ready", true)?;
    ensure!(prepare.wait()?.code() == Some(7), "it was cancelled");

    let mut prepare = sandbox
        .osctl_command(&["daemon", "prepare-stop"])?
        .spawn()?;
    wait_for("the drain", || {
        Ok((status(&sandbox)?["phase"] == "draining").then_some(()))
    })?;
    write(&gate, "")?;
    ensure!(prepare.wait()?.success(), "it waits for the start");
    assert_eq!(web.state()?, "running");
    expect(&sandbox, "prepared", false)?;
    sandbox.ok(&["daemon", "resume"])?;
    sandbox.ok(&["ct", "stop", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn scripts_run_at_both_ends_and_may_refuse() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    let log = sandbox.path("scripts.log");
    let note = format!(
        "echo $OSCTL_HOOK_NAME $OSCTL_DAEMON_STATE $OSCTL_DAEMON_PID >>{}",
        log.display()
    );
    script(&sandbox, "pre-stop", &note)?;
    script(&sandbox, "post-resume", &note)?;
    sandbox.ok(&["daemon", "prepare-stop"])?;
    sandbox.ok(&["daemon", "resume"])?;
    sandbox.ok(&["daemon", "resume"])?;
    let pid = daemon.pid();
    let ran = fs::read_to_string(&log)?;
    assert_eq!(
        ran,
        format!("pre-stop draining {pid}\npost-resume prepared {pid}\n")
    );

    // A failing pre-stop aborts the preparation, and post-resume reverts what pre-stop did.
    fs::remove_file(&log)?;
    script(
        &sandbox,
        "pre-stop",
        &format!("{note}; echo 'not today' >&2; exit 3"),
    )?;
    let refused = sandbox.osctl(&["daemon", "prepare-stop"])?;
    ensure!(
        refused.code == 8 && refused.stderr.contains("not today"),
        "{refused:?}"
    );
    expect(&sandbox, "ready", true)?;
    ensure!(
        status(&sandbox)?["failures"]
            .to_string()
            .contains("pre-stop"),
        "it is kept"
    );
    ensure!(
        fs::read_to_string(&log)?.contains("post-resume"),
        "it was taken back"
    );

    // One that fails after the resume: blocked, until it succeeds.
    script(&sandbox, "pre-stop", "true")?;
    sandbox.ok(&["daemon", "prepare-stop"])?;
    script(&sandbox, "post-resume", "exit 1")?;
    let refused = sandbox.osctl(&["daemon", "resume"])?;
    assert_eq!(refused.code, 8, "{refused:?}");
    expect(&sandbox, "blocked", false)?;
    ensure!(
        status(&sandbox)?["failures"]
            .to_string()
            .contains("post-resume"),
        "it is named"
    );
    script(&sandbox, "post-resume", "true")?;
    wait_for("another try", || {
        Ok((status(&sandbox)?["phase"] == "ready").then_some(()))
    })?;
    expect(&sandbox, "ready", true)?;
    sandbox.finish(daemon)
}
