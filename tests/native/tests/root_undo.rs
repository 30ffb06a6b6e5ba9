//! An undo is refused where the command for the same change would be.

use anyhow::{Context as _, Result, ensure};
use native::with_pool;
use os_testkit::Sandbox;

/// The id of the operation that a command line began.
fn operation(sandbox: &Sandbox, line: &[&str]) -> Result<String> {
    sandbox.ok(line)?;
    newest(sandbox)
}

fn newest(sandbox: &Sandbox) -> Result<String> {
    let history = sandbox.json(&["history"])?;
    let newest = history.as_array().and_then(|records| records.last());
    let id = newest.and_then(|record| record["id"].as_str());
    Ok(id.context("no history")?.to_owned())
}

/// Refused with this code, by the plan as well, and nothing is changed.
fn refused(sandbox: &Sandbox, id: &str, code: &str) -> Result<()> {
    let list = || sandbox.ok(&["ct", "ls", "-H", "-o", "id,state,user,group"]);
    let before = list()?;
    for line in [&["undo", id][..], &["undo", "--plan", id]] {
        let ran = sandbox.osctl(line)?;
        ensure!(
            ran.code != 0 && ran.stderr.contains(code),
            "{line:?}: {ran:?}"
        );
    }
    assert_eq!(list()?, before);
    Ok(())
}

#[test]
fn what_belongs_to_a_running_container_stays() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.ok(&["user", "new", "alice"])?;
    sandbox.ok(&["group", "new", "/team"])?;
    sandbox.new_container("web", &[])?;
    let file =
        |name: &str| std::fs::read_to_string(sandbox.path(&format!("tank/conf/ct/{name}.toml")));
    let before = file("web")?;
    let commands: [&[&str]; 3] = [
        &["ct", "chown", "web", "alice"],
        &["ct", "chgrp", "web", "/team"],
        &["ct", "rename", "web", "www"],
    ];
    let mut ids = Vec::new();
    for command in commands {
        ids.push(operation(&sandbox, command)?);
    }
    let text = file("www")?.replace("/team", "/default");
    let body = serde_json::json!({ "name": "www", "text": text });
    sandbox.command("container-config-replace", &body)?;
    ids.push(newest(&sandbox)?);
    sandbox.ok(&["ct", "start", "www"])?;
    for id in ids.iter().rev() {
        // Of those before, the file has changed again since.
        let code = if Some(id) == ids.last() {
            "E-CONTAINER-STATE"
        } else {
            "E-"
        };
        refused(&sandbox, id, code)?;
    }
    sandbox.ok(&["ct", "stop", "--kill", "www"])?;
    for id in ids.iter().rev() {
        sandbox.ok(&["undo", id])?;
    }
    assert_eq!(file("web")?, before);
    sandbox.ok(&["ct", "start", "web"])?;
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_renamed_container_that_runs_keeps_its_name() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    let renamed = operation(&sandbox, &["ct", "rename", "web", "www"])?;
    sandbox.ok(&["ct", "start", "www"])?;
    refused(&sandbox, &renamed, "E-CONTAINER-STATE")?;
    sandbox.ok(&["ct", "stop", "--kill", "www"])?;
    sandbox.ok(&["undo", &renamed])?;
    sandbox.ok(&["ct", "start", "web"])?;
    sandbox.finish(daemon)
}

#[test]
fn what_is_in_use_by_now_is_not_taken_away() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let user = operation(&sandbox, &["user", "new", "alice"])?;
    let group = operation(&sandbox, &["group", "new", "/team"])?;
    let inner = operation(&sandbox, &["group", "new", "/team/inner"])?;
    refused(&sandbox, &group, "E-IN-USE")?;
    sandbox.new_container("web", &["--user", "alice", "--group", "/team/inner"])?;
    refused(&sandbox, &user, "E-IN-USE")?;
    refused(&sandbox, &inner, "E-IN-USE")?;
    // Its user before is no more.
    sandbox.ok(&["user", "new", "bob"])?;
    let given = operation(&sandbox, &["ct", "chown", "web", "bob"])?;
    sandbox.ok(&["user", "del", "alice"])?;
    refused(&sandbox, &given, "E-NOT-FOUND")?;
    sandbox.ok(&["healthcheck"])?;
    sandbox.finish(daemon)
}

#[test]
fn a_pool_with_running_containers_stays_imported() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("web", &[])?;
    sandbox.ok(&["pool", "export", "tank"])?;
    let imported = operation(&sandbox, &["pool", "import", "tank"])?;
    sandbox.ok(&["ct", "start", "web"])?;
    refused(&sandbox, &imported, "E-IN-USE")?;
    assert_eq!(sandbox.json(&["ct", "show", "web"])?["state"], "running");
    sandbox.ok(&["ct", "stop", "--kill", "web"])?;
    sandbox.ok(&["undo", &imported])?;
    sandbox.finish(daemon)
}

#[test]
fn of_a_command_about_many_it_says_which_one() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.new_container("one", &[])?;
    sandbox.new_container("two", &[])?;
    sandbox.ok(&["ct", "start", "--all"])?;
    sandbox.ok(&["ct", "freeze", "*"])?;
    let plan = sandbox.ok(&["undo", "--plan"])?;
    let undone = sandbox.osctl(&["undo"])?.stderr;
    let names = ["container tank:one", "container tank:two"];
    let in_plan: Vec<_> = names.iter().filter(|name| plan.contains(**name)).collect();
    assert_eq!(in_plan.len(), 1, "{plan}");
    ensure!(
        plan.starts_with("undo ") && plan.contains("ct freeze"),
        "{plan}"
    );
    ensure!(undone.contains(*in_plan[0]), "{undone}");
    sandbox.finish(daemon)
}
