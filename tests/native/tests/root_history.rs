//! Operations, history, undo, events, and reading without a daemon.

use anyhow::{Context as _, Result, ensure};
use native::wait_for;
use os_testkit::{Daemon, Sandbox};
use serde_json::Value;

fn with_pool() -> Result<(Sandbox, Daemon)> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    Ok((sandbox, daemon))
}

/// The newest record: the last line, as in a log.
fn newest(sandbox: &Sandbox) -> Result<Value> {
    let history = sandbox.json(&["history"])?;
    history
        .as_array()
        .and_then(|records| records.last())
        .cloned()
        .context("no history")
}

#[test]
fn history_says_who_when_what_and_the_result() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let newest = newest(&sandbox)?;
    assert_eq!(newest["state"], "finished");
    assert_eq!(newest["uid"], 0);
    ensure!(
        newest["command"]
            .as_str()
            .is_some_and(|cli| cli.ends_with("user new alice")),
        "{newest}"
    );
    ensure!(
        newest["time"]
            .as_str()
            .is_some_and(|time| time.starts_with("20")),
        "{newest}"
    );
    // It travels with the pool.
    sandbox.ok(&["pool", "export", "tank"])?;
    sandbox.ok(&["pool", "import", "tank"])?;
    let history = sandbox.ok(&["history", "tank"])?;
    ensure!(history.contains("user new alice"), "{history}");
    sandbox.finish(daemon)
}

#[test]
fn undo_and_redo() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let with = native::World::look(&sandbox)?;
    let undo = sandbox.osctl(&["undo"])?;
    ensure!(
        undo.stderr.contains("undone: osctl") && undo.stderr.contains("user new alice"),
        "{undo:?}"
    );
    let ran = sandbox.osctl(&["user", "show", "alice"])?;
    ensure!(ran.code == 3, "{ran:?}");
    let undo = newest(&sandbox)?["id"].as_str().context("id")?.to_owned();
    sandbox.ok(&["undo", &undo])?;
    with.expect_same(&native::World::look(&sandbox)?)?;
    sandbox.finish(daemon)
}

#[test]
fn undo_refuses_clearly() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let made = newest(&sandbox)?["id"].as_str().context("id")?.to_owned();
    let ran = sandbox.osctl(&["undo", &made])?;
    ensure!(ran.code == 4 && ran.stderr.contains("E-NO-UNDO"), "{ran:?}");
    sandbox.ok(&["user", "new", "alice"])?;
    let new = newest(&sandbox)?["id"].as_str().context("id")?.to_owned();
    sandbox.ok(&["user", "set", "attr", "alice", "a:b", "c"])?;
    let ran = sandbox.osctl(&["undo", &new])?;
    ensure!(
        ran.code == 4 && ran.stderr.contains("alice.toml"),
        "{ran:?}"
    );
    let ran = sandbox.osctl(&["undo", "ffff"])?;
    ensure!([3, 4].contains(&ran.code), "{ran:?}");
    // Another allocation in the same range does not stand in the way.
    sandbox.ok(&["user", "new", "bob"])?;
    let bob = newest(&sandbox)?["id"].as_str().context("id")?.to_owned();
    sandbox.ok(&["user", "new", "carol"])?;
    sandbox.ok(&["undo", &bob])?;
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_hanging_operation_is_seen_and_a_waiting_one_cancelled() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    daemon.stop()?;
    let daemon = sandbox.start_with(&["--fault", "user-set:1:before:hang"])?;
    sandbox.wait_ready()?;
    let set = serde_json::json!({ "name": "alice", "standalone": false });
    let hanging = sandbox
        .request("POST", "/v1/commands/user-set", Some(&set))?
        .json()?;
    let attr = serde_json::json!({
        "target": { "kind": "user", "name": "alice" }, "key": "a:b", "value": "c",
    });
    let waiting = sandbox
        .request("POST", "/v1/commands/attr-set", Some(&attr))?
        .json()?;
    let (hanging, waiting) = (
        hanging["id"].as_str().context("id")?,
        waiting["id"].as_str().context("id")?,
    );
    // A kill before the first step would leave nothing to be settled.
    wait_for("the first step", || {
        let shown = sandbox.json(&["operation", "show", hanging])?;
        Ok((shown["steps"][0]["state"] == "running").then_some(()))
    })?;
    // Reading is not behind it.
    sandbox.ok(&["user", "show", "alice"])?;
    let shown = sandbox.json(&["operation", "show", waiting])?;
    ensure!(
        shown["waits_for"]
            .as_str()
            .is_some_and(|text| text.contains(hanging)),
        "{shown}"
    );
    let queues = sandbox.ok(&["queue", "ls"])?;
    ensure!(
        queues.contains("alice") && queues.contains(hanging),
        "{queues}"
    );
    sandbox.ok(&["operation", "cancel", waiting])?;
    assert_eq!(
        sandbox.json(&["operation", "show", waiting])?["state"],
        "cancelled"
    );
    daemon.kill()?;
    let daemon = sandbox.start_ready()?;
    let history = sandbox.json(&["history"])?;
    let settled = history
        .as_array()
        .context("list")?
        .iter()
        .find(|r| r["id"] == hanging);
    let settled = settled.context("the hanging operation is not settled")?;
    assert_eq!(settled["recovered"], true);
    sandbox.finish(daemon)
}

#[test]
fn events_are_a_stream_that_can_be_resumed() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let ping = sandbox.request("GET", "/v1/ping", None)?.json()?;
    let revision = ping["revision"].as_u64().context("revision")?;
    sandbox.ok(&["user", "new", "alice"])?;
    let path = format!("/v1/events?since={revision}&timeout_ms=500");
    let stream = sandbox.request("GET", &path, None)?;
    ensure!(stream.head.contains("text/event-stream"), "{}", stream.head);
    let text = String::from_utf8(stream.body)?;
    let ids: Vec<u64> = text
        .lines()
        .filter_map(|l| l.strip_prefix("id: "))
        .filter_map(|id| id.parse().ok())
        .collect();
    ensure!(ids.first() == Some(&(revision + 1)), "{ids:?}");
    ensure!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ids:?}");
    ensure!(
        text.contains("\"kind\":\"user\"") && text.contains("\"change\":\"added\""),
        "{text}"
    );
    // From the future, as after a restart: a gap, not silence.
    let path = format!("/v1/events?since={}&timeout_ms=200", revision + 100_000);
    let text = String::from_utf8(sandbox.request("GET", &path, None)?.body)?;
    ensure!(text.contains("\"type\":\"gap\""), "{text}");
    sandbox.finish(daemon)
}

#[test]
fn without_a_daemon_listings_read_the_pools() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    let commands: [&[&str]; 7] = [
        &["pool", "ls", "-H", "-o", "name"],
        &["user", "ls", "-H", "-o", "pool,name"],
        &["user", "show", "-H", "-o", "name", "alice"],
        &["group", "ls", "-H", "-o", "name"],
        &["id-range", "ls", "-H", "-o", "name,allocated"],
        &["user", "map", "alice"],
        &["group", "show", "-H", "-o", "full_path", "/default"],
    ];
    let with: Vec<String> = commands
        .iter()
        .map(|args| sandbox.ok(args))
        .collect::<Result<_>>()?;
    daemon.stop()?;
    for (args, with) in commands.iter().zip(with) {
        let ran = sandbox.osctl(args)?;
        ensure!(
            ran.code == 0 && ran.stdout == with,
            "{args:?}: {ran:?}, expected {with}"
        );
        ensure!(
            ran.stderr.contains("osctld cannot be reached"),
            "{args:?}: {ran:?}"
        );
    }
    let ran = sandbox.osctl(&["user", "new", "bob"])?;
    ensure!(
        ran.code == 10 && ran.stderr.contains("E-NO-DAEMON"),
        "{ran:?}"
    );
    let daemon = sandbox.start_ready()?;
    sandbox.finish(daemon)
}
