//! Many guests and many operations at once. What is asserted is order; `bench --parts busy` measures times.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use native::{process, wait_for, with_pool};
use os_testkit::sandbox::program_path;
use os_testkit::{Ran, Sandbox};
use serde_json::{Value, json};

/// An init that reacts to what means a power failure, but not in a way that helps.
const DEAF: &str = "trap 'echo no > /root/asked' PWR TERM; while :; do sleep 0.1; done";

fn deaf(sandbox: &Sandbox, name: &str) -> Result<()> {
    let container = sandbox.new_container(name, &[])?;
    let settings = json!({ "name": name, "settings": { "init_cmd": ["/bin/sh", "-c", DEAF] } });
    sandbox.command("container-set", &settings)?;
    container.start()
}

/// Submits a command and does not wait; its operation.
fn submit(sandbox: &Sandbox, command: &str, body: &Value) -> Result<Value> {
    let path = format!("/v1/commands/{command}");
    sandbox.request("POST", &path, Some(body))?.json()
}

/// The operations of a command, in any state, oldest first.
fn operations(sandbox: &Sandbox, command: &str) -> Result<Vec<Value>> {
    let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
    let all = all.as_array().context("a list")?.iter();
    Ok(all.filter(|it| it["command"] == command).cloned().collect())
}

/// Waits until the newest operation of a command is as expected.
fn until(
    sandbox: &Sandbox,
    (what, command): (&str, &str),
    is_as_expected: impl Fn(&Value) -> bool,
) -> Result<Value> {
    wait_for(what, || {
        let newest = operations(sandbox, command)?.pop();
        Ok(newest.filter(&is_as_expected))
    })
}

/// The newest operation of a command.
fn newest(sandbox: &Sandbox, command: &str) -> Result<Value> {
    let newest = operations(sandbox, command)?.pop();
    newest.with_context(|| format!("there is no {command}"))
}

fn is_live(operation: &Value) -> bool {
    ["queued", "running", "reverting"].contains(&operation["state"].as_str().unwrap_or_default())
}

/// Starts `osctl` and does not wait.
fn start(sandbox: &Sandbox, args: &[&str]) -> Result<Child> {
    let mut command = sandbox.osctl_command(args)?;
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    Ok(command.spawn()?)
}

/// Waits until the steps of an export that stop containers named `waits...` run, and all other
/// containers are stopped.
fn until_only_these_are_left(sandbox: &Sandbox, waits: &str) -> Result<()> {
    let what = format!("all guests but {waits}... to be stopped");
    let is_as_expected = |step: &Value| {
        let text = step["text"].as_str().unwrap_or_default();
        match text.strip_prefix("stop container tank:") {
            None => true,
            Some(name) if name.starts_with(waits) => step["state"] == "running",
            Some(_) => step["state"] == "done",
        }
    };
    let export = until(sandbox, (&what, "pool-export"), |export| {
        let steps = export["steps"].as_array();
        steps.is_some_and(|steps| !steps.is_empty() && steps.iter().all(is_as_expected))
    });
    export.map(drop)
}

/// An image whose root needs some seconds to be unpacked.
fn large_image(sandbox: &Sandbox) -> Result<PathBuf> {
    let root = sandbox.path("large");
    fs::create_dir_all(root.join("sbin"))?;
    native::write(root.join("sbin/init"), "#!/bin/sh\n")?;
    File::create(root.join("zeros"))?.set_len(160 << 20)?;
    let image = sandbox.path("large.img");
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut import = Command::new(program_path("osctl-image")?);
    import.args(["import", "--distribution", "large", "--version", "1"]);
    import.args(["--arch", std::env::consts::ARCH, "-o"]);
    let made = Ran::of(import.arg(&image).arg(root))?;
    ensure!(made.code == 0, "{made:?}");
    Ok(image)
}

/// U1, U2: a pool unpacks a large image, is then exported with guests that ignore their shutdown, and a
/// deletion waits behind both. Neither another pool, nor a kill, nor a cancellation waits for any of it.
#[test]
fn a_busy_pool_is_in_nobodys_way() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["pool", "set", "parallel-stop", "tank", "8"])?;
    sandbox.ok(&["pool", "new", "--size", "512M", "other"])?;
    let names = ["deaf1", "deaf2", "deaf3", "deaf4"];
    for name in names {
        deaf(&sandbox, name)?;
    }
    let image = large_image(&sandbox)?;
    let image = image.to_str().context("a path of text")?;
    let unpacking = start(&sandbox, &["ct", "new", "--from-file", image, "tank:large"])?;
    until(
        &sandbox,
        ("the image to be unpacked", "container-new"),
        |it| {
            let is_large = it["cli"].as_str().is_some_and(|cli| cli.contains("large"));
            is_large && it["state"] == "running"
        },
    )?;
    let exporting = start(&sandbox, &["pool", "export", "-f", "tank"])?;
    until(&sandbox, ("the export to wait", "pool-export"), |_| true)?;
    let deletion = json!({ "pool": "tank", "name": "deaf1", "force": true });
    let deletion = submit(&sandbox, "container-del", &deletion)?;
    assert_eq!(deletion["state"], "queued", "{deletion}");
    sandbox.ok(&["user", "new", "other:alice"])?;
    let user = newest(&sandbox, "user-new")?;
    ensure!(unpacking.wait_with_output()?.status.success());
    let unpacked = newest(&sandbox, "container-new")?;
    let ended = |operation: &Value| operation["ended"].as_str().map(str::to_owned);
    ensure!(ended(&user) < ended(&unpacked), "{user} {unpacked}");

    until_only_these_are_left(&sandbox, "deaf")?;
    sandbox.ok(&["user", "new", "other:bob"])?;
    let id = deletion["id"].as_str().context("an id")?;
    let path = format!("/v1/operations/{id}/cancel");
    let cancelled = sandbox.request("POST", &path, None)?.json()?;
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    assert_eq!(newest(&sandbox, "pool-export")?["state"], "running");
    for name in names {
        sandbox.ok(&["ct", "stop", "-k", &format!("tank:{name}")])?;
    }
    let exported = exporting.wait_with_output()?;
    ensure!(exported.status.success(), "{exported:?}");
    sandbox.ok(&["pool", "import", "tank"])?;
    sandbox.finish(daemon)
}

/// Guests that ignore every signal cost one timeout, whatever `parallel-stop` is: while their stops
/// are in progress, all others end. This is what happens at poweroff.
#[test]
fn an_export_waits_for_all_deaf_guests_at_once() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let deafs = ["deaf1", "deaf2", "deaf3"];
    for name in deafs {
        deaf(&sandbox, name)?;
    }
    for name in ["good1", "good2", "good3"] {
        sandbox.container(name)?;
    }
    sandbox.ok(&["pool", "set", "parallel-stop", "tank", "2"])?;
    let export = start(&sandbox, &["pool", "export", "-f", "tank"])?;
    let first_stops = ("the first stops", "pool-export");
    let export_now = until(&sandbox, first_stops, |it| it["state"] == "running")?;
    let steps = export_now["steps"].as_array().context("steps")?.iter();
    let running = steps.filter(|step| step["state"] == "running").count();
    ensure!(
        running <= 2,
        "more than parallel-stop at once: {export_now}"
    );
    until_only_these_are_left(&sandbox, "deaf")?;
    for name in deafs {
        sandbox.ok(&["ct", "stop", "-k", &format!("tank:{name}")])?;
    }
    let ended = export.wait_with_output()?;
    ensure!(ended.status.success(), "{ended:?}");
    sandbox.ok(&["pool", "import", "tank"])?;
    sandbox.finish(daemon)
}

/// C8: on a loaded host the next start waits for the delay of the one before, on another host it does
/// not. The load is what the sandbox has as `/proc/loadavg`.
#[test]
fn the_delay_of_an_autostart_keeps_the_next_one_from_starting() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["pool", "set", "parallel-start", "tank", "1"])?;
    for (name, priority) in [("first", "1"), ("second", "2")] {
        sandbox.new_container(name, &[])?;
        let set = ["ct", "set", "autostart", "--delay", "3600"];
        sandbox.ok(&[&set[..], &["--priority", priority, name]].concat())?;
    }
    let (first, second) = (
        sandbox.known_container("first"),
        sandbox.known_container("second"),
    );
    let import = |load: &str| -> Result<()> {
        fs::create_dir_all(sandbox.path("proc"))?;
        native::write(
            sandbox.path("proc/loadavg"),
            format!("{load} 0.00 0.00 1/1 1\n"),
        )?;
        sandbox.ok(&["pool", "export", "-f", "tank"])?;
        sandbox.ok(&["pool", "import", "tank"]).map(drop)
    };
    import("0.00")?;
    second.wait_for("running")?;
    import("1000.00")?;
    first.wait_for("running")?;
    wait_for("the delay", || {
        let waits = sandbox.log().contains("the next start waits");
        Ok(waits.then_some(()))
    })?;
    assert_eq!(second.state()?, "stopped");
    sandbox.finish(daemon)
}

/// What does not fit into a queue is refused at once; what was accepted is done, and no other command
/// notices.
#[test]
fn a_thousand_operations_at_once() -> Result<()> {
    const THREADS: usize = 20;
    let (sandbox, daemon) = with_pool()?;
    deaf(&sandbox, "web")?;
    for number in 0..THREADS {
        sandbox.ok(&["user", "new", &format!("user{number}")])?;
    }
    let before = process::resident_kib(daemon.pid())?;
    let stop =
        json!({ "name": "web", "policy": { "method": "shutdown-or-kill", "timeout_ms": 300_000 } });
    // Whether a command was accepted; it has to be refused clearly if not.
    let post = |command: &str, body: &Value| -> Result<bool> {
        let answer = submit(&sandbox, command, body)?;
        let is_busy = answer["code"] == "E-BUSY";
        ensure!(is_busy || answer["id"].is_string(), "{answer}");
        ensure!(!is_busy || answer["next"].is_string(), "{answer}");
        Ok(!is_busy)
    };
    let of_thread = |number: usize| -> Result<(usize, usize)> {
        let (mut stops, mut changes) = (0, 0);
        for round in 0..40 {
            stops += usize::from(post("container-stop", &stop)?);
            if round % 4 != 0 {
                continue;
            }
            let user = json!({ "kind": "user", "pool": "tank", "name": format!("user{number}") });
            let key = format!("org.example:k{round}");
            let set = json!({ "target": user, "key": key, "value": "v" });
            changes += usize::from(post("attr-set", &set)?);
        }
        Ok((stops, changes))
    };
    let (stops, changes) = std::thread::scope(|scope| -> Result<_> {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || of_thread(number)))
            .collect();
        let (mut stops, mut changes) = (0, Vec::new());
        for thread in threads {
            let one = thread.join().map_err(|_panic| anyhow::anyhow!("died"))??;
            stops += one.0;
            changes.push(one.1);
        }
        Ok((stops, changes))
    })?;
    // One that runs, and a queue.
    ensure!((1..=65).contains(&stops), "{stops} stops were accepted");
    assert_eq!(sandbox.json(&["ct", "show", "web"])?["id"], "web");
    sandbox.ok(&["user", "new", "bob"])?;
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    wait_for("the end of all", || {
        let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
        let all = all.as_array().context("a list")?;
        Ok((!all.iter().any(is_live)).then_some(()))
    })?;
    for (number, accepted) in changes.into_iter().enumerate() {
        let user = sandbox.json(&["user", "show", &format!("user{number}")])?;
        let attrs = user["attrs"].as_object().map_or(0, serde_json::Map::len);
        assert_eq!(attrs, accepted, "user{number}: a change was lost");
    }
    assert_eq!(sandbox.known_container("web").state()?, "stopped");
    let after = process::resident_kib(daemon.pid())?;
    ensure!(after < before + (64 << 10), "{before} KiB became {after}");
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}
