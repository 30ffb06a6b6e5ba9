//! Containers and the end of the daemon: they go on, and are found again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use native::{process, wait_for, with_pool};
use os_sys::Signal;
use os_testkit::Sandbox;
use serde_json::Value;

/// The state of a container, its init and its monitor.
type Listed = (Value, Value, Value);

/// What is listed of each container.
fn listed(sandbox: &Sandbox) -> Result<BTreeMap<String, Listed>> {
    let list = sandbox.json(&["ct", "ls"])?;
    let entry = |ct: &Value| {
        let name = ct["id"].as_str().unwrap_or_default().to_owned();
        (
            name,
            (
                ct["state"].clone(),
                ct["init_pid"].clone(),
                ct["monitor_pid"].clone(),
            ),
        )
    };
    Ok(list
        .as_array()
        .context("a list")?
        .iter()
        .map(entry)
        .collect())
}

/// Makes containers of one user and starts them, four at a time.
fn start(sandbox: &Sandbox, count: usize) -> Result<Vec<String>> {
    sandbox.ok(&["user", "new", "alice"])?;
    let names: Vec<String> = (0..count).map(|number| format!("ct{number}")).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = names
            .chunks(count.div_ceil(4))
            .map(|names| {
                scope.spawn(move || -> Result<()> {
                    for name in names {
                        sandbox.new_container(name, &["--user", "alice"])?;
                    }
                    let names = names.iter().map(String::as_str);
                    let start: Vec<&str> = ["ct", "start"].into_iter().chain(names).collect();
                    sandbox.ok(&start).map(drop)
                })
            })
            .collect();
        for thread in threads {
            thread
                .join()
                .map_err(|_panic| anyhow::anyhow!("a thread died"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(names)
}

#[test]
fn twenty_are_found_again() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let names = start(&sandbox, 20)?;
    sandbox.ok(&["ct", "freeze", "ct3"])?;
    sandbox.ok(&["ct", "stop", "--kill", "ct4"])?;
    let before = listed(&sandbox)?;
    assert_eq!(before["ct0"].0, "running");
    assert_eq!(before["ct3"].0, "frozen");
    assert_eq!(before["ct4"].0, "stopped");
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(listed(&sandbox)?, before, "after kill -9");
    daemon.stop()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(listed(&sandbox)?, before, "after a restart");
    sandbox.ok(&["ct", "unfreeze", "ct3"])?;
    for name in names.iter().filter(|name| *name != "ct4") {
        assert_eq!(sandbox.known_container(name).sh("echo up")?, "up\n");
    }
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}

#[test]
fn events_go_on() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    let ping = sandbox.request("GET", "/v1/ping", None)?.json()?;
    let since = ping["revision"].as_u64().context("a revision")?;
    web.sh("poweroff")?;
    wait_for("the event", || {
        let path = format!("/v1/events?since={since}&timeout_ms=200");
        let events = sandbox.request("GET", &path, None)?;
        let text = String::from_utf8_lossy(&events.body).into_owned();
        Ok(text.contains("\"stopped\"").then_some(()))
    })?;
    assert_eq!(web.state()?, "stopped");
    sandbox.finish(daemon)
}

#[test]
fn an_end_without_a_daemon_is_seen() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let halted = sandbox.container("halted")?;
    let killed = sandbox.container("killed")?;
    let rebooted = sandbox.container("rebooted")?;
    let gone = sandbox.new_container("gone", &["--ephemeral"])?;
    gone.start()?;
    let pids = [&halted, &killed, &rebooted, &gone].map(os_testkit::Container::init_pid);
    let pids: Vec<u32> = pids.into_iter().collect::<Result<_>>()?;
    // A file triggers each, because no daemon exists by then to run a command.
    for (ct, how) in [
        (&halted, "poweroff"),
        (&rebooted, "reboot"),
        (&gone, "poweroff"),
    ] {
        ct.sh(&format!(
            "(while ! test -e /root/now; do usleep 10000; done; {how}) </dev/null >/dev/null 2>&1 &"
        ))?;
    }
    let roots = [&halted, &rebooted, &gone].map(os_testkit::Container::show);
    let roots: Vec<Value> = roots.into_iter().collect::<Result<_>>()?;
    daemon.kill()?;
    for root in roots {
        let root = root["rootfs"].as_str().context("a root")?;
        native::write(format!("{root}/root/now"), "")?;
    }
    process::signal(pids[1], Signal::KILL)?;
    for pid in &pids {
        wait_for("its end", || Ok((!process::is_alive(*pid)).then_some(())))?;
    }
    let daemon = sandbox.start_ready()?;
    halted.wait_for("stopped")?;
    killed.wait_for("stopped")?;
    rebooted.wait_until("rebooted", |shown| {
        Ok(shown["state"] == "running" && shown["init_pid"] != pids[2])
    })?;
    wait_for("the end of the ephemeral one", || {
        Ok((sandbox.osctl(&["ct", "show", "gone"])?.code == 3).then_some(()))
    })?;
    halted.start()?;
    killed.start()?;
    sandbox.finish(daemon)
}

/// What removes the rest of an ephemeral container fails when it has done its work, as it does when a
/// kill takes it over: the deletion is not forgotten.
#[test]
fn an_ephemeral_one_is_deleted_although_its_end_was_interrupted() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    daemon.stop()?;
    let daemon = sandbox.start_with(&["--fault", "container-stop:run:after:fail"])?;
    sandbox.wait_ready()?;
    let gone = sandbox.new_container("gone", &["--ephemeral"])?;
    gone.start()?;
    gone.sh("poweroff")?;
    wait_for("the end of the ephemeral one", || {
        Ok((sandbox.osctl(&["ct", "show", "gone"])?.code == 3).then_some(()))
    })?;
    sandbox.finish(daemon)
}

#[test]
fn a_list_waits_for_no_monitor() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let names = start(&sandbox, 5)?;
    let monitors = names
        .iter()
        .map(|name| sandbox.known_container(name).monitor_pid());
    let monitors: Vec<u32> = monitors.collect::<Result<_>>()?;
    for monitor in &monitors {
        process::signal(*monitor, Signal::STOP)?;
    }
    let began = Instant::now();
    let list = listed(&sandbox)?;
    ensure!(
        began.elapsed() < Duration::from_secs(20),
        "it took {:?}",
        began.elapsed()
    );
    ensure!(
        list.values().all(|(state, ..)| state == "running"),
        "{list:?}"
    );
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(listed(&sandbox)?, list);
    sandbox.finish(daemon)
}

#[test]
fn a_killed_init_is_an_end() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    process::signal(web.init_pid()?, Signal::KILL)?;
    web.wait_for("stopped")?;
    wait_for("the end of the monitor", || {
        Ok(process::of_container(&sandbox, "web", "")?
            .is_empty()
            .then_some(()))
    })?;
    web.start()?;
    sandbox.finish(daemon)
}

#[test]
fn a_hundred_are_found_again() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["pool", "new", "--size", "2G", "tank"])?;
    start(&sandbox, 100)?;
    let before = listed(&sandbox)?;
    ensure!(before.len() == 100 && before.values().all(|(state, ..)| state == "running"));
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(listed(&sandbox)?, before);
    sandbox.finish(daemon)
}
