//! What is to happen with a container later, and what ends that: reboots, hooks that hang, commands in
//! stopped containers, a freezer that somebody else uses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use native::{process, wait_for, with_pool};
use os_sys::Signal;
use os_testkit::{Container, Sandbox};
use serde_json::json;

/// `stop --kill` of any container answers within this time, on a loaded host too.
const BRAKE: Duration = Duration::from_secs(20);

/// What a script may take, except in a forced stop.
const SCRIPT_LIMIT: Duration = Duration::from_mins(1);

fn with_init<'a>(sandbox: &'a Sandbox, name: &str, script: &str) -> Result<Container<'a>> {
    let container = sandbox.new_container(name, &[])?;
    let settings = json!({ "name": name, "settings": { "init_cmd": ["/bin/sh", "-c", script] } });
    sandbox.command("container-set", &settings)?;
    container.start()?;
    Ok(container)
}

/// A guest that reboots as soon as it runs ends with one `stop --kill`, whenever that comes.
#[test]
fn a_guest_that_reboots_in_a_loop_is_stopped_for_good() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let restless = with_init(&sandbox, "restless", "sleep 0.1; reboot -f")?;
    for round in 0..8 {
        if round > 0 {
            restless.start()?;
        }
        // At another moment of its loop each time.
        std::thread::sleep(Duration::from_millis(60 * round));
        let began = Instant::now();
        restless.kill()?;
        let took = began.elapsed();
        ensure!(took < BRAKE, "round {round}: {took:?}");
        std::thread::sleep(Duration::from_millis(700));
        ensure!(
            restless.state()? == "stopped",
            "round {round}: it came back"
        );
    }
    sandbox.finish(daemon)
}

/// It does not keep the host busy either: pauses grow.
#[test]
fn reboots_in_a_loop_become_rare() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let restless = with_init(&sandbox, "restless", "reboot -f")?;
    std::thread::sleep(Duration::from_secs(12));
    let began = || sandbox.log().matches(r#""state":"starting""#).count();
    // Two at once, then after 1, 2, 4 and 8 s; each is noted as waiting and as being started.
    ensure!(began() <= 20, "{} starts", began());
    wait_for("more starts", || Ok((began() >= 5).then_some(())))?;
    restless.kill()?;
    sandbox.finish(daemon)
}

/// A hook that never ends is no obstacle for a forced stop, and nothing of it is left: neither when another
/// command waits for it, nor when the forced stop runs it itself.
#[test]
fn a_hook_that_never_ends_meets_a_forced_stop() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("held", &[])?;
    let hooks = [
        "pre-start",
        "on-start",
        "post-start",
        "pre-stop",
        "on-stop",
        "post-stop",
    ];
    for name in hooks {
        let command = if name.ends_with("start") {
            ["ct", "start", "held"]
        } else {
            web.start()?;
            ["ct", "stop", "held"]
        };
        meets_a_forced_stop(&sandbox, &web, name, &command).with_context(|| name)?;
    }
    // What undoes a stop is a start.
    web.start()?;
    web.kill()?;
    meets_a_forced_stop(&sandbox, &web, "pre-start", &["undo"]).context("undo")?;
    sandbox.finish(daemon)
}

fn meets_a_forced_stop(
    sandbox: &Sandbox,
    web: &Container<'_>,
    name: &str,
    command: &[&str],
) -> Result<()> {
    let hook = sandbox.path(&format!("tank/hook/ct/held/{name}"));
    native::write(&hook, "#!/bin/sh\nsleep 4711 & sleep 4711\n")?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    std::thread::scope(|scope| -> Result<()> {
        let waiting = scope.spawn(|| sandbox.osctl(command));
        wait_for("the hook", || Ok((count_sleeps(4711)? == 2).then_some(())))?;
        let began = Instant::now();
        web.kill()?;
        let took = began.elapsed();
        ensure!(took < SCRIPT_LIMIT / 2, "{took:?}");
        let ended = waiting.join().map_err(|_panic| anyhow::anyhow!("died"))??;
        // The others come when the container runs, or is to stop in any case.
        let refuses = ["pre-start", "on-start"].contains(&name);
        ensure!(!refuses || ended.code != 0, "{ended:?}");
        Ok(())
    })?;
    fs::remove_file(hook)?;
    ensure!(web.state()? == "stopped");
    ensure!(count_sleeps(4711)? == 0, "the hook's processes are left");
    Ok(())
}

/// Nor do the scripts that clean up have more time when init has ended by itself just before.
#[test]
fn a_forced_stop_of_what_has_just_ended_waits_for_no_script() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("held")?;
    for name in ["pre-stop", "post-stop"] {
        let hook = sandbox.path(&format!("tank/hook/ct/held/{name}"));
        native::write(&hook, "#!/bin/sh\nsleep 4713 & sleep 4713\n")?;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    }
    std::thread::scope(|scope| -> Result<()> {
        // It holds the lock that the clean-up of the container waits for.
        let waiting = scope.spawn(|| sandbox.osctl(&["ct", "stop", "held"]));
        wait_for("the hook", || Ok((count_sleeps(4713)? == 2).then_some(())))?;
        let init = web.init_pid()?;
        process::signal(init, Signal::KILL)?;
        wait_for("its end", || Ok((!process::is_alive(init)).then_some(())))?;
        let began = Instant::now();
        web.kill()?;
        ensure!(began.elapsed() < SCRIPT_LIMIT / 2, "{:?}", began.elapsed());
        waiting.join().map_err(|_panic| anyhow::anyhow!("died"))??;
        Ok(())
    })?;
    ensure!(web.state()? == "stopped");
    ensure!(count_sleeps(4713)? == 0, "the hook's processes are left");
    sandbox.finish(daemon)
}

/// Number of processes on this host that sleep for this time, a number that only one test uses.
fn count_sleeps(seconds: u32) -> Result<usize> {
    let mut found = 0;
    for entry in fs::read_dir("/proc")? {
        let line = fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        found += usize::from(line == format!("sleep\0{seconds}\0").as_bytes());
    }
    Ok(found)
}

/// A container that runs for one command has no purpose without it.
#[test]
fn a_run_for_a_command_that_is_gone_ends() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("once", &[])?;
    let once = sandbox.known_container("once");
    let line = ["ct", "exec", "-r", "once", "/bin/sleep", "4712"];
    let mut client = sandbox.osctl_command(&line)?.spawn()?;
    once.wait_for("running")?;
    let helper = || -> Result<Option<u32>> {
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if line.ends_with(b"\x00job\x00") && is_in(&entry.path(), "ct.once") {
                return Ok(entry.file_name().to_str().and_then(|pid| pid.parse().ok()));
            }
        }
        Ok(None)
    };
    let pid = wait_for("the helper", helper)?;
    daemon.kill()?;
    // The crash takes the helper along, which would have ended the container.
    let held = os_sys::PidFd::open(pid)?.context("the helper is gone")?;
    held.send_signal(Signal::KILL)?;
    client.kill()?;
    client.wait()?;
    let daemon = sandbox.start_ready()?;
    once.wait_for("stopped")?;
    once.start()?;
    ensure!(once.sh("echo well")? == "well\n");
    sandbox.finish(daemon)
}

fn is_in(process: &std::path::Path, group: &str) -> bool {
    let groups = fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    groups.contains(group)
}

/// The freezer is the kernel's: osctld detects any user of it, and thaws for all of them.
#[test]
fn frozen_from_outside_it_is_shown_and_thawed() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let init = web.init_pid()?;
    let groups = fs::read_to_string(format!("/proc/{init}/cgroup"))?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let own = own.context("no cgroup v2")?.trim_start_matches('/');
    let root = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let root = root
        .iter()
        .find(|root| fs::exists(format!("{root}/{own}/cgroup.freeze")).unwrap_or(false));
    let folder = format!("{}/{own}", root.context("no mount of cgroup v2")?);
    // The group above, as an administrator would who knows nothing of osctl.
    let above = std::path::Path::new(&folder).parent().context("a root")?;
    native::write(above.join("cgroup.freeze"), "1")?;
    wait_for("frozen", || Ok((web.state()? == "frozen").then_some(())))?;
    sandbox.ok(&["ct", "unfreeze", "web"])?;
    ensure!(web.state()? == "running");
    ensure!(web.sh("echo well")? == "well\n");
    sandbox.ok(&["ct", "freeze", "web"])?;
    native::write(format!("{folder}/cgroup.freeze"), "0")?;
    wait_for("running", || Ok((web.state()? == "running").then_some(())))?;
    sandbox.ok(&["ct", "freeze", "web"])?;
    ensure!(web.state()? == "frozen");
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    sandbox.finish(daemon)
}
