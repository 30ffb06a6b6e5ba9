//! The daemon as a process: its socket, its end, its restart.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use native::wait_for;
use os_testkit::Sandbox;

#[test]
fn the_socket_is_roots_alone() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start()?;
    let mode = std::fs::metadata(sandbox.socket())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let run = std::fs::metadata(sandbox.path("run/osctl"))?
        .permissions()
        .mode();
    assert_eq!(run & 0o777, 0o711);
    sandbox.finish(daemon)
}

#[test]
fn a_second_instance_refuses_and_names_the_first() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let first = sandbox.start_ready()?;
    let second = sandbox.launch(&[])?;
    let status = second.wait(Duration::from_secs(10))?;
    ensure!(!status.success(), "a second daemon ended well");
    let log = sandbox.log();
    ensure!(
        log.contains(&first.pid().to_string()),
        "the first is not named: {log}"
    );
    sandbox.ok(&["ping"])?;
    sandbox.finish(first)
}

#[test]
fn a_stale_socket_is_no_obstacle() -> Result<()> {
    let sandbox = Sandbox::new()?;
    sandbox.start_ready()?.kill()?;
    ensure!(
        sandbox.socket().exists(),
        "a killed daemon leaves its socket"
    );
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}

#[test]
fn instances_live_side_by_side() -> Result<()> {
    let (one, two) = (Sandbox::new()?, Sandbox::new()?);
    let (a, b) = (one.start_ready()?, two.start_ready()?);
    one.pool("tank")?;
    two.pool("tank")?;
    one.ok(&["user", "new", "alice"])?;
    ensure!(
        two.json(&["user", "ls"])?
            .as_array()
            .is_some_and(Vec::is_empty)
    );
    one.finish(a)?;
    two.finish(b)
}

#[test]
fn a_stopped_daemon_keeps_what_is_imported() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.ok(&["user", "new", "bob"])?;
    sandbox.ok(&["user", "unreg", "bob"])?;
    let before = native::World::look(&sandbox)?;
    daemon.stop()?;
    ensure!(sandbox.path("tank/conf").is_dir(), "the pool was closed");
    let daemon = sandbox.start_ready()?;
    before.expect_same(&native::World::look(&sandbox)?)?;
    sandbox.finish(daemon)
}

#[test]
fn a_new_root_is_filled() -> Result<()> {
    let sandbox = Sandbox::new()?;
    std::fs::remove_dir_all(sandbox.path("etc"))?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    ensure!(std::fs::read_to_string(sandbox.path("etc/subuid"))?.contains("tank-alice"));
    let mistyped = sandbox.path("no/new");
    let other = sandbox.launch(&["--root", mistyped.to_str().context("text")?])?;
    ensure!(!other.wait(Duration::from_secs(10))?.success());
    let log = sandbox.log();
    ensure!(log.contains("cannot use the root"), "{log}");
    sandbox.finish(daemon)
}

#[test]
fn a_killed_daemon_finds_everything_again() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    let before = native::World::look(&sandbox)?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    before.expect_same(&native::World::look(&sandbox)?)?;
    sandbox.finish(daemon)
}

/// `kill -9` in the middle of an import, after homes were made and before accounts were written.
#[test]
fn an_import_that_died_halfway_registers_everybody() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.ok(&["user", "new", "alice"])?;
    daemon.kill()?;
    std::fs::remove_file(sandbox.path("run/osctl/pools/tank/dataset"))?;
    for name in ["passwd", "group", "subuid", "subgid"] {
        std::fs::File::create(sandbox.path("etc").join(name))?;
    }
    let daemon = sandbox.start_ready()?;
    let user = sandbox.json(&["user", "show", "alice"])?;
    ensure!(user["registered"] == true, "{user}");
    sandbox.finish(daemon)
}

/// After a boot the runtime directory is empty and nothing is mounted; the pools come back because they
/// carry the mark of this host.
#[test]
fn a_rebooted_host_imports_what_was_imported() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    sandbox.pool("extra")?;
    sandbox.ok(&["user", "new", "--pool", "tank", "alice"])?;
    sandbox.ok(&["pool", "export", "extra"])?;
    daemon.kill()?;
    os_testkit::leaks::clean(sandbox.root(), &sandbox.cgroup_parent())?;
    std::fs::remove_dir_all(sandbox.path("run"))?;
    let daemon = sandbox.start_ready()?;
    let pools = sandbox.ok(&["pool", "ls", "-H", "-o", "name"])?;
    assert_eq!(pools.trim(), "tank");
    let user = sandbox.json(&["user", "show", "alice"])?;
    ensure!(user["registered"] == true, "{user}");
    sandbox.finish(daemon)
}

#[test]
fn the_socket_answers_while_pools_are_imported() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    daemon.kill()?;
    // Hangs in the import; reading goes on.
    let daemon = sandbox.start_with(&["--fault", "pool-import:pool-prepare:before:hang"])?;
    let ping = sandbox.request("GET", "/v1/ping", None)?.json()?;
    assert_eq!(ping["state"], "starting");
    // Wait until the import has begun.
    let until = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let list = sandbox.request("GET", "/v1/pools", None)?.json()?;
        if list[0]["name"] == "tank" {
            assert_eq!(list[0]["state"], "importing");
            break;
        }
        ensure!(
            std::time::Instant::now() < until,
            "the pool is not listed: {list}"
        );
    }
    // It is listed a moment before its operation has the lock.
    wait_for("an operation that holds the pool", || {
        let queues = sandbox.request("GET", "/v1/queues", None)?.json()?;
        let mut queues = queues.as_array().context("queues")?.iter();
        Ok(queues
            .any(|queue| queue["entity"]["kind"] == "pool")
            .then_some(()))
    })?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}

#[test]
fn logs_are_json_or_syslog_on_request() -> Result<()> {
    let sandbox = Sandbox::new()?;
    sandbox.start_ready()?.stop()?;
    for line in sandbox.log().lines() {
        serde_json::from_str::<serde_json::Value>(line).with_context(|| line.to_owned())?;
    }
    std::fs::create_dir(sandbox.path("dev"))?;
    let syslog = std::os::unix::net::UnixDatagram::bind(sandbox.path("dev/log"))?;
    syslog.set_read_timeout(Some(Duration::from_secs(10)))?;
    let daemon = sandbox.start_with(&["--log-format", "syslog", "--log", "info"])?;
    let mut line = [0; 4096];
    let length = syslog.recv(&mut line)?;
    let line = String::from_utf8_lossy(&line[..length]).into_owned();
    ensure!(
        line.starts_with(&format!("<30>osctld[{}]: listening", daemon.pid())),
        "{line}"
    );
    daemon.stop()
}

/// The log is on a full disk, or its reader is gone.
#[test]
fn a_log_that_cannot_be_written_stops_no_operation() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let full = std::fs::File::options().write(true).open("/dev/full")?;
    let program = os_testkit::sandbox::program_path("osctld")?;
    let mut daemon = command(program.to_str().context("a path")?)
        .arg("--root")
        .arg(sandbox.root())
        .stderr(full)
        .spawn()?;
    let done = sandbox
        .wait_ready()
        .and_then(|()| sandbox.pool("tank"))
        .and_then(|()| sandbox.ok(&["pool", "export", "tank"]));
    daemon.kill()?;
    daemon.wait()?;
    done.map(drop)
}

/// The service of dist/, supervised by the real runit.
#[test]
fn it_runs_under_runit() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let service = sandbox.path("service");
    std::fs::create_dir(&service)?;
    let run = include_str!("../../../dist/runit/osctld/run");
    ensure!(run.contains("exec osctld"), "{run}");
    let program = os_testkit::sandbox::program_path("osctld")?;
    let with_root = format!(
        "exec {} --root {} ",
        program.display(),
        sandbox.root().display()
    );
    write_script(
        &service.join("run"),
        &run.replace("exec osctld", &with_root),
    )?;
    let mut runsv = command("runsv")
        .arg(&service)
        .spawn()
        .context("runit is not installed")?;
    let sv = |words: &[&str]| -> Result<bool> {
        let done = command("sv").args(words).arg(&service).output()?;
        Ok(done.status.success())
    };
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while sandbox.osctl(&["ping", "5"])?.code != 0 {
        ensure!(
            std::time::Instant::now() < until,
            "osctld does not answer under runit"
        );
    }
    sandbox.pool("tank")?;
    ensure!(sv(&["-w", "20", "restart"])?, "sv restart");
    while sandbox.osctl(&["ping", "5"])?.code != 0 {
        ensure!(
            std::time::Instant::now() < until,
            "osctld does not come back"
        );
    }
    sandbox.ok(&["pool", "show", "tank"])?;
    sandbox.ok(&["pool", "export", "tank"])?;
    ensure!(sv(&["-w", "20", "down"])?, "sv down");
    ensure!(sv(&["-w", "20", "exit"])?, "sv exit");
    runsv.wait()?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of the host that the test is about"
)]
fn command(name: &str) -> std::process::Command {
    std::process::Command::new(name)
}

fn write_script(path: &std::path::Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(0o755))?)
}
