//! Stopping containers: the stop stages, and what must not prevent it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use native::{process, wait_for, with_pool};
use os_sys::Signal;
use os_testkit::{Container, HungMount, Sandbox};
use serde_json::json;

/// An init that ignores every signal, in a shell of its own.
const DEAF: &str = "trap '' HUP INT QUIT USR1 USR2 ALRM TERM PWR CONT WINCH; \
                    while :; do sleep 1; done";

/// One that reacts to what means a power failure, but not in a way that helps.
const STUBBORN: &str = "trap 'echo no > /root/asked' PWR TERM; while :; do sleep 0.1; done";

/// A running container with a script as its init.
fn with_init<'a>(sandbox: &'a Sandbox, name: &str, script: &str) -> Result<Container<'a>> {
    let container = sandbox.new_container(name, &[])?;
    let settings = json!({ "name": name, "settings": { "init_cmd": ["/bin/sh", "-c", script] } });
    sandbox.command("container-set", &settings)?;
    container.start()?;
    Ok(container)
}

/// Stops a container; returns the stages that were printed, which `osctl` leaves out if it was quick.
fn stop(sandbox: &Sandbox, args: &[&str]) -> Result<String> {
    let ping = sandbox.request("GET", "/v1/ping", None)?.json()?;
    sandbox.ok(&[&["ct", "stop"], args].concat())?;
    let path = format!("/v1/events?since={}&timeout_ms=100", ping["revision"]);
    let events = sandbox.request("GET", &path, None)?;
    Ok(String::from_utf8_lossy(&events.body).into_owned())
}

#[test]
fn asked_it_shuts_down() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let told = stop(&sandbox, &["web"])?;
    ensure!(
        told.contains("asking busybox init to shut down (SIGUSR2), at most 300 s"),
        "{told}"
    );
    ensure!(!told.contains("killing"), "{told}");
    assert_eq!(web.state()?, "stopped");
    sandbox.ok(&["ct", "stop", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn one_that_does_not_listen_is_killed() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let deaf = with_init(&sandbox, "deaf", DEAF)?;
    let told = stop(&sandbox, &["-t", "20", "deaf"])?;
    ensure!(
        told.contains("handles no shutdown signal") && told.contains("killing all processes"),
        "{told}"
    );
    assert_eq!(deaf.state()?, "stopped");
    let stubborn = with_init(&sandbox, "stubborn", STUBBORN)?;
    let began = Instant::now();
    let ran = sandbox.osctl(&["ct", "stop", "-t", "2", "stubborn"])?;
    assert_eq!(ran.code, 0, "{ran:?}");
    ensure!(
        began.elapsed() >= Duration::from_secs(2),
        "it was not given its time"
    );
    ensure!(
        ran.stderr.contains("at most 2 s") && ran.stderr.contains("killing"),
        "{ran:?}"
    );
    assert_eq!(stubborn.state()?, "stopped");
    sandbox.finish(daemon)
}

#[test]
fn dont_kill_does_not() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = with_init(&sandbox, "web", STUBBORN)?;
    let init = web.init_pid()?;
    let ran = sandbox.osctl(&["ct", "stop", "-t", "1", "--dont-kill", "web"])?;
    ensure!(
        ran.code == 7 && ran.stderr.contains("E-DEADLINE"),
        "{ran:?}"
    );
    ensure!(ran.stderr.contains("osctl ct stop --kill"), "{ran:?}");
    assert_eq!(web.state()?, "running");
    assert_eq!(web.init_pid()?, init);
    assert_eq!(web.sh("cat /root/asked")?, "no\n");
    sandbox.finish(daemon)
}

/// An administrator looks into a shutdown that hangs.
#[test]
fn commands_come_in_while_it_shuts_down() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = with_init(&sandbox, "web", STUBBORN)?;
    std::thread::scope(|scope| {
        let stop = scope.spawn(|| sandbox.osctl(&["ct", "stop", "-t", "60", "web"]));
        web.wait_for("stopping")?;
        let left = web.sh("sleep 1000 >/dev/null 2>&1 & ps")?;
        ensure!(left.contains("sleep 1000"), "{left}");
        assert_eq!(web.state()?, "stopping");
        web.kill()?;
        let stop = stop.join();
        stop.map_err(|_panic| anyhow::anyhow!("a client died"))??;
        anyhow::Ok(())
    })?;
    let left = process::of_container(&sandbox, "web", "")?;
    ensure!(left.is_empty(), "{left:?}");
    sandbox.finish(daemon)
}

#[test]
fn kill_is_quick() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = with_init(&sandbox, "web", DEAF)?;
    web.sh("for i in $(seq 50); do sleep 1000 >/dev/null 2>&1 & done")?;
    let began = Instant::now();
    web.kill()?;
    ensure!(
        began.elapsed() < Duration::from_secs(20),
        "it took {:?}",
        began.elapsed()
    );
    assert_eq!(web.state()?, "stopped");
    sandbox.finish(daemon)
}

#[test]
fn the_monitor_may_be_stopped() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for kill in [false, true] {
        process::signal(web.monitor_pid()?, Signal::STOP)?;
        assert_eq!(web.state()?, "running");
        assert_eq!(web.sh("echo still here")?, "still here\n");
        let how = if kill { "--kill" } else { "-t30" };
        sandbox.ok(&["ct", "stop", how, "web"])?;
        assert_eq!(web.state()?, "stopped");
        web.start()?;
    }
    sandbox.finish(daemon)
}

#[test]
fn the_monitor_may_be_dead() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for kill in [false, true] {
        let (monitor, init) = (web.monitor_pid()?, web.init_pid()?);
        process::signal(monitor, Signal::KILL)?;
        wait_for(
            "its end",
            || Ok((!process::is_alive(monitor)).then_some(())),
        )?;
        // LXC's init dies with its monitor; should it not, then it is stopped without.
        let how = if kill { "--kill" } else { "-t30" };
        sandbox.ok(&["ct", "stop", how, "web"])?;
        assert_eq!(web.state()?, "stopped");
        ensure!(
            process::of_container(&sandbox, "web", "")?.is_empty(),
            "of init {init}"
        );
        web.start()?;
        assert_eq!(web.sh("echo again")?, "again\n");
    }
    sandbox.finish(daemon)
}

#[test]
fn a_frozen_one_is_stopped() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for how in ["--kill", "-t30"] {
        sandbox.ok(&["ct", "freeze", "web"])?;
        sandbox.ok(&["ct", "stop", how, "web"])?;
        assert_eq!(web.state()?, "stopped");
        web.start()?;
    }
    sandbox.finish(daemon)
}

#[test]
fn what_it_left_running_goes_too() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    // It moves itself into a control group of its own, away from where LXC put it.
    let script = "mkdir -p /sys/fs/cgroup/own && echo $$ > /sys/fs/cgroup/own/cgroup.procs; \
                  trap '' TERM HUP; while :; do sleep 1; done";
    web.sh(&format!("({script}) </dev/null >/dev/null 2>&1 &"))?;
    sandbox.ok(&["ct", "stop", "web"])?;
    let left = process::of_container(&sandbox, "web", "")?;
    ensure!(left.is_empty(), "{left:?}");
    sandbox.finish(daemon)
}

#[test]
fn two_stops_and_a_start_are_in_order() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = with_init(&sandbox, "web", STUBBORN)?;
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| sandbox.osctl(&["ct", "stop", "-t", "3", "web"]));
        web.wait_for("stopping")?;
        let other = scope.spawn(|| sandbox.osctl(&["ct", "stop", "-t", "3", "web"]));
        let start = scope.spawn(|| sandbox.osctl(&["ct", "start", "web"]));
        for thread in [slow, other, start] {
            let ran = thread
                .join()
                .map_err(|_panic| anyhow::anyhow!("a client died"))??;
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        anyhow::Ok(())
    })?;
    sandbox.finish(daemon)
}

/// Moves a process into the control groups of another one, in each hierarchy.
fn join(pid: u32, other: u32) -> Result<()> {
    let mounts = std::fs::read_dir("/sys/fs/cgroup")?.flatten();
    let mounts: Vec<_> = mounts
        .map(|entry| entry.path())
        .chain(["/sys/fs/cgroup".into()])
        .collect();
    for path in process::groups(other)? {
        for mount in &mounts {
            let procs = mount
                .join(path.trim_start_matches('/'))
                .join("cgroup.procs");
            if procs.exists() {
                native::write(procs, pid.to_string())?;
            }
        }
    }
    Ok(())
}

/// Puts a process into the container that cannot be killed while the mount lives.
fn held_by_the_kernel(
    sandbox: &Sandbox,
    web: &Container<'_>,
) -> Result<(HungMount, std::process::Child)> {
    let directory = sandbox.path("hung");
    std::fs::create_dir(&directory)?;
    let hung = HungMount::unkillable_over(&directory)?;
    #[expect(clippy::disallowed_methods, reason = "the test waits for its end")]
    let mut stuck = std::process::Command::new("stat");
    let stuck = stuck.arg(directory.join("file")).stdin(Stdio::null());
    let stuck = stuck.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let waits = format!("/proc/{}/wchan", stuck.id());
    wait_for("a process that waits for the server", || {
        Ok(std::fs::read_to_string(&waits)?
            .contains("request_wait")
            .then_some(()))
    })?;
    join(stuck.id(), web.init_pid()?)?;
    Ok((hung, stuck))
}

/// C22: the kernel holds a killed process of the container, until its file system answers.
#[test]
fn beside_a_process_in_d_state_nothing_claims_success() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let (hung, mut stuck) = held_by_the_kernel(&sandbox, &web)?;
    let stop = sandbox.osctl(&["ct", "stop", "-k", "web"])?;
    ensure!(
        stop.code == 7 && stop.stderr.contains("E-DEADLINE") && stop.stderr.contains("D state"),
        "{stop:?}"
    );
    let start = sandbox.osctl(&["ct", "start", "web"])?;
    ensure!(start.code != 0, "nothing was started: {start:?}");
    ensure!(web.state()? != "running", "{:?}", web.show()?);
    let check = sandbox.osctl(&["healthcheck"])?;
    ensure!(
        check.code == 1 && check.stdout.contains("D state: stat (pid"),
        "{check:?}"
    );

    drop(hung);
    stuck.wait()?;
    web.kill()?;
    sandbox.ok(&["healthcheck"])?;
    assert_eq!(web.state()?, "stopped");
    web.start()?;
    assert_eq!(web.sh("echo again")?, "again\n");
    sandbox.finish(daemon)
}

/// However long the kill took, the scripts that clean up are run.
#[test]
fn scripts_are_run_after_a_kill_that_took_long() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let mark = sandbox.path("mark");
    let hook = sandbox.path("tank/hook/ct/web/on-stop");
    native::write(&hook, format!("#!/bin/sh\n: > {}\n", mark.display()))?;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700))?;
    let (hung, mut stuck) = held_by_the_kernel(&sandbox, &web)?;
    std::thread::scope(|scope| -> Result<()> {
        let stop = scope.spawn(|| sandbox.ok(&["ct", "stop", "-k", "web"]));
        web.wait_for("stopping")?;
        // Longer than the scripts of a forced stop have.
        std::thread::sleep(Duration::from_secs(3));
        drop(hung);
        stop.join().map_err(|_panic| anyhow::anyhow!("died"))??;
        Ok(())
    })?;
    stuck.wait()?;
    ensure!(mark.exists(), "the script did not run");
    sandbox.finish(daemon)
}
