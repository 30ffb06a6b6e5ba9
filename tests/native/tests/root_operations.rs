//! Operations beside each other: what passes a queue, what is withdrawn, which locks are held.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use native::{wait_for, with_pool};
use os_testkit::{Container, Daemon, HungMount, Sandbox};
use serde_json::{Value, json};

/// An init that reacts to what means a power failure, but not in a way that helps.
const STUBBORN: &str = "trap 'echo no > /root/asked' PWR TERM; while :; do sleep 0.1; done";

fn stubborn<'a>(sandbox: &'a Sandbox, name: &str) -> Result<Container<'a>> {
    let container = sandbox.new_container(name, &[])?;
    let settings = json!({ "name": name, "settings": { "init_cmd": ["/bin/sh", "-c", STUBBORN] } });
    sandbox.command("container-set", &settings)?;
    container.start()?;
    Ok(container)
}

/// Submits a command and does not wait; the id of its operation.
fn submit(sandbox: &Sandbox, command: &str, body: &Value) -> Result<String> {
    let path = format!("/v1/commands/{command}");
    let answer = sandbox.request("POST", &path, Some(body))?.json()?;
    Ok(answer["id"].as_str().context("an id")?.to_owned())
}

fn operation(sandbox: &Sandbox, id: &str) -> Result<Value> {
    let path = format!("/v1/operations/{id}");
    sandbox.request("GET", &path, None)?.json()
}

/// Waits until an operation is in one of these states.
fn until(sandbox: &Sandbox, id: &str, states: &[&str]) -> Result<Value> {
    wait_for(&format!("{id} to be {states:?}"), || {
        let now = operation(sandbox, id)?;
        let state = now["state"].as_str().unwrap_or_default();
        Ok(states.contains(&state).then_some(now.clone()))
    })
}

const ENDED: &[&str] = &["finished", "reverted", "cancelled", "failed"];

fn slow_stop(name: &str) -> Value {
    json!({ "name": name, "policy": { "method": "shutdown-or-kill", "timeout_ms": 300_000 } })
}

#[test]
fn stop_kill_takes_over_a_slow_stop_and_passes_the_queue() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = stubborn(&sandbox, "web")?;
    let slow = submit(&sandbox, "container-stop", &slow_stop("web"))?;
    until(&sandbox, &slow, &["running"])?;
    let queued = submit(&sandbox, "container-stop", &slow_stop("web"))?;
    let frozen = submit(&sandbox, "container-freeze", &json!({ "name": "web" }))?;
    let start = submit(&sandbox, "container-start", &json!({ "name": "web" }))?;
    let began = Instant::now();
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    ensure!(
        began.elapsed() < Duration::from_secs(100),
        "it waited for the stop"
    );
    assert_eq!(web.state()?, "stopped");
    let taken = until(&sandbox, &slow, ENDED)?;
    assert_eq!(taken["state"], "cancelled", "{taken}");
    let why = taken["failure"]["message"].as_str().unwrap_or_default();
    ensure!(why.contains("taken over by container-stop"), "{why}");
    // What waited finds nothing to do, or that it is stopped.
    assert_eq!(until(&sandbox, &queued, ENDED)?["state"], "finished");
    assert_eq!(until(&sandbox, &frozen, ENDED)?["state"], "failed");
    // The administrator wants it to be stopped, so a start that came before does not undo that.
    let withdrawn = until(&sandbox, &start, ENDED)?;
    assert_eq!(withdrawn["state"], "cancelled", "{withdrawn}");
    let why = withdrawn["failure"]["message"].as_str().unwrap_or_default();
    ensure!(why.contains("withdrawn by container-stop"), "{why}");
    assert_eq!(web.state()?, "stopped");
    sandbox.ok(&["ct", "start", "web"])?;
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn cancelling_a_slow_stop_answers_at_once_and_leaves_it_running() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = stubborn(&sandbox, "web")?;
    let slow = submit(&sandbox, "container-stop", &slow_stop("web"))?;
    until(&sandbox, &slow, &["running"])?;
    let ran = sandbox.osctl(&["operation", "cancel", &slow])?;
    assert_eq!(ran.code, 0, "{ran:?}");
    until(&sandbox, &slow, &["cancelled"])?;
    assert_eq!(web.state()?, "running");
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    sandbox.finish(daemon)
}

/// Two clients cancel a stop while two others kill its container: all of them succeed, whatever the order.
#[test]
fn cancelling_and_killing_at_the_same_time_agree() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = stubborn(&sandbox, "web")?;
    let slow = submit(&sandbox, "container-stop", &slow_stop("web"))?;
    until(&sandbox, &slow, &["running"])?;
    let cancel = ["operation", "cancel", &slow];
    let kill = ["ct", "stop", "-k", "web"];
    std::thread::scope(|scope| -> Result<()> {
        let clients = [&cancel[..], &kill, &cancel, &kill].map(|args| {
            let sandbox = &sandbox;
            scope.spawn(move || sandbox.ok(args))
        });
        for client in clients {
            client.join().map_err(|_panic| anyhow::anyhow!("died"))??;
        }
        Ok(())
    })?;
    assert_eq!(until(&sandbox, &slow, ENDED)?["state"], "cancelled");
    assert_eq!(web.state()?, "stopped");
    web.start()?;
    sandbox.finish(daemon)
}

/// A client that hangs up: while its command waits for a lock, while it waits for one of
/// `parallel-stop`, and after it began.
#[test]
fn a_client_that_hangs_up_withdraws_what_has_not_begun() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let _web = stubborn(&sandbox, "web")?;
    let _mail = stubborn(&sandbox, "mail")?;
    sandbox.ok(&["pool", "set", "parallel-stop", "tank", "1"])?;
    let post = |name: &str| -> Result<UnixStream> {
        let body = slow_stop(name).to_string();
        let mut stream = UnixStream::connect(sandbox.socket())?;
        let length = body.len();
        write!(
            stream,
            "POST /v1/commands/container-stop?wait_ms=60000 HTTP/1.1\r\nhost: x\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        Ok(stream)
    };
    let stops = |state: &str| -> Result<Vec<String>> {
        let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
        let all = all.as_array().context("a list")?.iter();
        let fits = all.filter(|now| now["command"] == "container-stop" && now["state"] == state);
        Ok(fits
            .filter_map(|now| Some(now["id"].as_str()?.to_owned()))
            .collect())
    };
    let running = post("web")?;
    let first = wait_for("a stop that runs", || Ok(stops("running")?.pop()))?;
    let waiting = post("web")?;
    let second = wait_for("a stop that waits", || Ok(stops("queued")?.pop()))?;
    let bounded = post("mail")?;
    let third = wait_for("a stop that waits for its turn", || {
        let bound = "one of 1 stops on pool tank";
        let mut queued = stops("queued")?.into_iter();
        let third = queued.find(|id| *id != second);
        let now = third
            .as_ref()
            .map(|id| operation(&sandbox, id))
            .transpose()?;
        Ok(third.filter(|_| now.is_some_and(|now| now["waits_for"] == bound)))
    })?;
    // Half a request in the body: nothing comes of it.
    let mut half = UnixStream::connect(sandbox.socket())?;
    write!(
        half,
        "POST /v1/commands/container-stop HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{{"
    )?;
    drop(half);
    drop(running);
    drop(waiting);
    drop(bounded);
    for id in [&second, &third] {
        let withdrawn = until(&sandbox, id, ENDED)?;
        assert_eq!(withdrawn["state"], "cancelled", "{withdrawn}");
        let why = withdrawn["failure"]["message"].as_str().unwrap_or_default();
        ensure!(why.starts_with("its client hung up"), "{why}");
    }
    assert_eq!(operation(&sandbox, &first)?["state"], "running");
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn an_export_that_cannot_end_stops_no_container() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    #[expect(clippy::disallowed_methods, reason = "the test ends it")]
    let mut holder = std::process::Command::new("sleep");
    holder
        .arg("600")
        .current_dir(sandbox.path("tank"))
        .stdin(Stdio::null());
    let mut holder = holder.spawn()?;
    let ran = sandbox.osctl(&["pool", "export", "-f", "tank"]);
    holder.kill()?;
    holder.wait()?;
    let ran = ran?;
    ensure!(ran.code != 0 && ran.stderr.contains("sleep"), "{ran:?}");
    assert_eq!(web.state()?, "running");
    sandbox.ok(&["pool", "export", "-f", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    sandbox.finish(daemon)
}

/// C7: an export that was cut off while its guests shut down is finished by the next daemon.
#[test]
fn an_export_that_was_cut_off_is_rolled_forward() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for name in ["a", "b"] {
        stubborn(&sandbox, name)?;
    }
    let export = json!({ "pool": "tank", "force": true, "stop_containers": true });
    let export = submit(&sandbox, "pool-export", &export)?;
    // Its journal is written before the first step.
    wait_for("the first step", || {
        let now = operation(&sandbox, &export)?;
        Ok((now["steps"][0]["state"] == "running").then_some(()))
    })?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    assert_eq!(until(&sandbox, &export, &["running"])?["recovered"], true);
    for name in ["a", "b"] {
        sandbox.ok(&["ct", "stop", "-k", &format!("tank:{name}")])?;
    }
    let exported = until(&sandbox, &export, ENDED)?;
    assert_eq!(exported["state"], "finished", "{exported}");
    sandbox.ok(&["pool", "import", "tank"])?;
    sandbox.finish(daemon)
}

/// Cuts a slow stop off while its guest ignores the signal; returns the next daemon and the operation,
/// which that daemon is at when it is ready.
fn cut_off(sandbox: &Sandbox, daemon: Daemon, web: &Container<'_>) -> Result<(Daemon, String)> {
    let init = web.init_pid()?;
    let slow = submit(sandbox, "container-stop", &slow_stop("web"))?;
    // Init has got the signal, so only its deadline is waited for.
    let asked = format!(
        "{}/root/asked",
        web.show()?["rootfs"].as_str().context("a root")?
    );
    wait_for("the signal", || Ok(std::fs::exists(&asked)?.then_some(())))?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    sandbox.ok(&["ping"])?;
    let resumed = until(sandbox, &slow, &["running"])?;
    assert_eq!(resumed["recovered"], true, "{resumed}");
    web.wait_for("stopping")?;
    assert_eq!(web.init_pid()?, init, "it is not killed before its time");
    Ok((daemon, slow))
}

/// C11: readiness waits for no guest. The stop goes on with what is left of its time, and yields to a kill.
#[test]
fn a_slow_stop_that_was_cut_off_goes_on_behind_a_ready_daemon() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = stubborn(&sandbox, "web")?;
    let (daemon, slow) = cut_off(&sandbox, daemon, &web)?;
    let began = Instant::now();
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    ensure!(
        began.elapsed() < Duration::from_secs(100),
        "it waited for the stop"
    );
    assert_eq!(web.state()?, "stopped");
    let taken = until(&sandbox, &slow, ENDED)?;
    assert_eq!(taken["state"], "cancelled", "{taken}");
    web.start()?;
    sandbox.finish(daemon)
}

/// C10: a stop of an ephemeral container is one plan with its deletion. Cut off, neither is lost, and its
/// guest keeps its time to shut down.
#[test]
fn a_stop_of_an_ephemeral_one_that_was_cut_off_deletes_it() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &["--ephemeral"])?;
    // It ends when a file tells it to, whatever signals it has got.
    let script =
        "trap 'echo no > /root/asked' PWR TERM; while ! test -e /root/now; do sleep 0.1; done";
    let settings = json!({ "name": "web", "settings": { "init_cmd": ["/bin/sh", "-c", script] } });
    sandbox.command("container-set", &settings)?;
    web.start()?;
    let root = web.show()?["rootfs"].as_str().context("a root")?.to_owned();
    let (daemon, slow) = cut_off(&sandbox, daemon, &web)?;
    native::write(format!("{root}/root/now"), "")?;
    let stopped = until(&sandbox, &slow, ENDED)?;
    assert_eq!(stopped["state"], "finished", "{stopped}");
    assert_eq!(sandbox.osctl(&["ct", "show", "web"])?.code, 3);
    sandbox.finish(daemon)
}

/// The same with a kill while the stop goes on: the kill deletes it.
#[test]
fn a_kill_takes_over_the_stop_of_an_ephemeral_one() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = stubborn(&sandbox, "web")?;
    sandbox.ok(&["ct", "set", "ephemeral", "web"])?;
    let (daemon, slow) = cut_off(&sandbox, daemon, &web)?;
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    let taken = until(&sandbox, &slow, ENDED)?;
    assert_eq!(taken["state"], "cancelled", "{taken}");
    assert_eq!(sandbox.osctl(&["ct", "show", "web"])?.code, 3);
    sandbox.finish(daemon)
}

#[test]
fn many_containers_start_and_stop_side_by_side() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    for name in ["web1", "web2", "mail"] {
        sandbox.new_container(name, &[])?;
    }
    let ran = sandbox.osctl(&["ct", "start", "web*", "mail"])?;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 3, "{ran:?}");
    let ran = sandbox.osctl(&["ct", "stop", "-k", "tank:web*"])?;
    assert_eq!(ran.stderr.lines().count(), 2, "{ran:?}");
    assert_eq!(sandbox.json(&["ct", "show", "mail"])?["state"], "running");
    let ran = sandbox.osctl(&["ct", "stop", "-k", "mail", "nosuch"])?;
    ensure!(
        ran.code != 0 && ran.stderr.contains("mail: stopped"),
        "{ran:?}"
    );
    sandbox.ok(&["ct", "del", "--all"])?;
    sandbox.finish(daemon)
}

/// U2: a pool whose disk hangs keeps no other pool from getting users, and their ids are disjoint.
#[test]
fn a_user_that_hangs_with_its_pool_holds_up_no_other_pool() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.pool("other")?;
    let hung = HungMount::over(&sandbox.path("tank/conf/user"))?;
    let alice = json!({ "pool": "tank", "name": "alice" });
    let alice = submit(&sandbox, "user-new", &alice)?;
    wait_for("the step that hangs", || {
        let now = operation(&sandbox, &alice)?;
        Ok((now["steps"][1]["state"] == "running").then_some(()))
    })?;
    sandbox.ok(&["user", "new", "other:bob"])?;
    let bob = sandbox.json(&["user", "show", "other:bob"])?;
    assert_eq!(
        bob["uid_map"],
        json!(["0:1065536:65536"]),
        "alice has the first"
    );
    let same = ["user", "new", "--map", "0:1000000:65536", "other:carol"];
    let refused = sandbox.osctl(&same)?;
    ensure!(
        refused.code != 0 && refused.stderr.contains("user tank:alice"),
        "{refused:?}"
    );
    drop(hung);
    let ended = until(&sandbox, &alice, ENDED)?;
    assert_ne!(ended["state"], "finished", "{ended}");
    sandbox.ok(&same)?;
    sandbox.finish(daemon)
}

/// Exits that wait for a pool that is being exported hold up no exit elsewhere, and a client that leaves
/// takes its start along, also one for a single command.
#[test]
fn what_waits_for_an_export_holds_up_nothing_elsewhere() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.pool("other")?;
    sandbox.ok(&["pool", "set", "parallel-stop", "tank", "1"])?;
    let script = "trap '' PWR TERM; while ! test -e /root/now; do sleep 0.1; done";
    let names = [
        "tank:b1",
        "tank:b2",
        "tank:b3",
        "tank:b4",
        "tank:b5",
        "other:web",
    ];
    let mut roots = Vec::new();
    for name in names {
        let container = sandbox.new_container(name, &[])?;
        let init = json!({ "init_cmd": ["/bin/sh", "-c", script] });
        let (pool, id) = name.split_once(':').context("a pool")?;
        let settings = json!({ "pool": pool, "name": id, "settings": init });
        sandbox.command("container-set", &settings)?;
        container.start()?;
        roots.push(
            container.show()?["rootfs"]
                .as_str()
                .context("a root")?
                .to_owned(),
        );
    }
    sandbox.new_container("tank:stopped", &[])?;
    stubborn(&sandbox, "a")?;
    let export = json!({ "pool": "tank", "force": true, "stop_containers": true });
    let export = submit(&sandbox, "pool-export", &export)?;
    until(&sandbox, &export, &["running"])?;
    // The export is at the first container, which is deaf.
    for root in &roots {
        native::write(format!("{root}/root/now"), "")?;
    }
    sandbox.known_container("other:web").wait_for("stopped")?;

    let run = ["ct", "exec", "-r", "tank:stopped", "--", "true"];
    let mut client = sandbox.osctl_command(&run)?.spawn()?;
    let starts = |state: &str| -> Result<Option<Value>> {
        let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
        let mut all = all.as_array().context("a list")?.iter();
        let fits =
            |now: &&Value| now["touches"].to_string().contains("stopped") && now["state"] == state;
        Ok(all.find(fits).cloned())
    };
    wait_for("a start that waits", || starts("queued"))?;
    client.kill()?;
    client.wait()?;
    wait_for("a start that is withdrawn", || starts("cancelled"))?;
    sandbox.ok(&["ct", "stop", "-k", "tank:a"])?;
    let exported = until(&sandbox, &export, ENDED)?;
    assert_eq!(exported["state"], "finished", "{exported}");
    sandbox.ok(&["pool", "import", "tank"])?;
    sandbox.finish(daemon)
}

/// A client whose daemon is killed learns what became of its operation.
#[test]
fn a_client_says_whether_its_operation_had_begun_when_the_daemon_was_killed() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let _web = stubborn(&sandbox, "web")?;
    let client = |args: &[&str]| -> Result<Child> {
        let mut command = sandbox.osctl_command(args)?;
        Ok(command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?)
    };
    let ends = |state: &str, command: &str| -> Result<Option<()>> {
        let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
        let mut all = all.as_array().context("a list")?.iter();
        Ok(all
            .any(|now| now["state"] == state && now["command"] == command)
            .then_some(()))
    };
    let mut stop = client(&["ct", "stop", "-t", "300", "web"])?;
    wait_for("a stop that runs", || ends("running", "container-stop"))?;
    let mut freeze = client(&["ct", "freeze", "web"])?;
    wait_for("a freeze that waits", || ends("queued", "container-freeze"))?;
    // What shows progress knows its operation.
    let mut said_by_stop = first_line(&mut stop)?;
    let mut said = first_line(&mut freeze)?;
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    said.1.read_to_string(&mut said.0)?;
    let said = said.0;
    ensure!(!freeze.wait()?.success(), "{said}");
    ensure!(said.contains("began; nothing was changed"), "{said}");
    ensure!(said.contains("ct freeze web"), "no next command: {said}");
    // The stop goes on, and so does its client.
    sandbox.ok(&["ct", "stop", "-k", "web"])?;
    said_by_stop.1.read_to_string(&mut said_by_stop.0)?;
    let said = said_by_stop.0;
    ensure!(said.contains("taken over by container-stop"), "{said}");
    stop.wait()?;
    sandbox.finish(daemon)
}

/// The first line that a client says, and where the others will be.
fn first_line(client: &mut Child) -> Result<(String, BufReader<ChildStderr>)> {
    let mut said = BufReader::new(client.stderr.take().context("a pipe")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    Ok((line, said))
}
