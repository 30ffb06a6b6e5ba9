//! The API as others see it: curl, and schemathesis against the served document.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use os_testkit::Sandbox;

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
    let plan = curl(&["-d", new, "http://l/v1/commands/user-new?plan=true"])?;
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

/// No 5xx, no answer that the document does not allow.
#[test]
fn schemathesis_finds_nothing() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    for name in ["alice", "bob"] {
        sandbox.ok(&["user", "new", name])?;
    }
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
    Ok(())
}
