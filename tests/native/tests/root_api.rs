//! The API as others see it: curl, and schemathesis against the served document.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use os_testkit::Sandbox;
use serde_json::Value;

/// A program of the host that a test is about.
#[expect(clippy::disallowed_methods, reason = "the test waits for its end")]
fn program(name: &str) -> Command {
    Command::new(name)
}

#[test]
fn curl_works_for_everything() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    let curl = |args: &[&str]| -> Result<String> {
        let socket = sandbox.socket();
        let output = program("curl")
            .arg("-sS")
            .arg("--unix-socket")
            .arg(&socket)
            .args(args)
            .output();
        let output = output.context("curl is not installed: make setup")?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    };
    let new = r#"{"name":"alice"}"#;
    let plan = curl(&["-d", new, "http://l/v1/plans/user-new"])?;
    ensure!(plan.contains("system-user"), "{plan}");
    let operation = curl(&["-d", new, "http://l/v1/commands/user-new?wait_ms=5000"])?;
    ensure!(operation.contains("\"finished\""), "{operation}");
    let group = curl(&["http://l/v1/groups/tank/%2Fdefault"])?;
    ensure!(group.contains("\"/default\""), "{group}");
    let problem = curl(&["http://l/v1/users/tank/nobody"])?;
    ensure!(
        problem.contains("E-NOT-FOUND") && problem.contains("\"next\""),
        "{problem}"
    );
    let document = curl(&["http://l/openapi.json"])?;
    ensure!(document.contains("\"3.1.0\""));
    sandbox.finish(daemon)
}

/// No 5xx, no answer that the document does not allow, nothing of it outside of the sandbox.
#[test]
fn schemathesis_finds_nothing() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    for name in ["alice", "bob"] {
        sandbox.ok(&["user", "new", name])?;
    }
    let before = machine()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/schemathesis");
    let output = program("bash")
        .arg(script)
        .arg(sandbox.socket())
        .arg(sandbox.root())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{text}\n{errors}\n{}",
        sandbox.log()
    );
    ensure!(daemon.is_running(), "the daemon died: {}", sandbox.log());
    sandbox.ok(&["ping"])?;
    // Random entities need not be healthy, but healthcheck has to report them.
    let health = sandbox.osctl(&["-j", "healthcheck"])?;
    let health: Value = serde_json::from_str(&health.stdout).context(health.stderr)?;
    ensure!(health["assets"].is_array(), "{health}");
    let after = machine()?;
    ensure!(before == after, "before: {before:?}\nafter: {after:?}");
    sandbox.finish(daemon)
}

/// Requests that no client of osctl sends, and the status of each.
#[test]
fn broken_requests_are_the_clients_fault() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    for (method, path, status) in [
        ("GET", "/v1/users/tank/%00", 400),
        ("GET", "/v1/users/tank/%ff", 400),
        ("GET", "/v1/users/tank/a%2Fb", 400),
        ("GET", "/v1/users/%2E%2E/x", 400),
        ("GET", "/v1/users?pool=%ff", 400),
        ("GET", "/v1/users?pool=a&pool=b", 400),
        ("GET", "/v1/users?%zz", 400),
        ("GET", "/v1/ping?no=such", 400),
        ("GET", "/v1/events?timeout_ms=3600001", 400),
        ("GET", "/v1/history?limit=0", 400),
        ("GET", "/v1/operations/x?wait_ms=99999999999999999999", 400),
        ("GET", "/v1/codes/E-NO-SUCH", 400),
        ("GET", "/v1/users/", 404),
        ("GET", "/v1//users", 404),
        ("POST", "/v1/commands/no-such", 404),
        ("GET", "/v1/commands/undo", 405),
        ("TRACE", "/v1/users", 405),
        ("FOO", "/openapi.json", 405),
    ] {
        let body = (method == "POST").then(|| Value::Object(serde_json::Map::new()));
        let response = sandbox.request(method, path, body.as_ref())?;
        ensure!(
            response.status == status,
            "{method} {path}: {} instead of {status}",
            response.status
        );
        let problem = response.json()?;
        ensure!(problem["status"] == status, "{method} {path}: {problem}");
    }
    sandbox.finish(daemon)
}

/// What a daemon that left its root would change first: names in directories of the machine, and its
/// account files.
fn machine() -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for folder in [
        "/", "/etc", "/home", "/mnt", "/srv", "/usr", "/var", "/var/lib", ".",
    ] {
        let names = fs::read_dir(folder).with_context(|| folder.to_owned())?;
        for name in names {
            seen.push(format!("{folder}: {}", name?.path().display()));
        }
    }
    seen.sort();
    for name in ["passwd", "group", "subuid", "subgid"] {
        seen.push(fs::read_to_string(format!("/etc/{name}")).unwrap_or_default());
    }
    Ok(seen)
}
