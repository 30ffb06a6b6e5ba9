//! The crash matrix: for each mutating command, `kill -9` of the daemon before and after every
//! step, on the way there and on the way back. After a restart the operation is finished or
//! reverted, `operation ls` says which, and nothing half-made is left.

use anyhow::{Context, Result, ensure};
use native::World;
use os_testkit::Sandbox;
use serde_json::Value;

/// A command, and what is there before it.
struct Scenario {
    /// Its name in the API.
    name: &'static str,
    /// Commands that prepare.
    before: &'static [&'static [&'static str]],
    /// The command itself.
    command: &'static [&'static str],
}

const POOL: &[&str] = &["pool", "new", "--size", "512M", "tank"];
const EXPORT: &[&str] = &["pool", "export", "tank"];
const ALICE: &[&str] = &["user", "new", "alice"];
const RANGE: &[&str] = &[
    "id-range",
    "new",
    "--start-id",
    "500000",
    "--block-size",
    "1000",
    "--block-count",
    "10",
    "web",
];
const ALLOCATE: &[&str] = &[
    "id-range",
    "allocate",
    "--block-count",
    "2",
    "--owner",
    "somebody",
    "web",
];

macro_rules! matrix {
    ($($test:ident: $name:literal after [$($before:expr),*] is $command:expr;)*) => {
        $(#[test]
        fn $test() -> Result<()> {
            run(&Scenario { name: $name, before: &[$($before),*], command: &$command })
        })*
    };
}

matrix! {
    pool_new: "pool-new" after [] is POOL;
    pool_install: "pool-install" after [POOL, EXPORT, &["pool", "uninstall", "tank"]] is
        ["pool", "install", "--source", "@/var/lib/osctl/images/tank.img", "tank"];
    pool_uninstall: "pool-uninstall" after [POOL, EXPORT] is ["pool", "uninstall", "tank"];
    pool_destroy: "pool-destroy" after [POOL, EXPORT] is ["pool", "destroy", "--yes", "tank"];
    pool_import: "pool-import" after [POOL, ALICE, EXPORT] is ["pool", "import", "tank"];
    pool_export: "pool-export" after [POOL, ALICE] is EXPORT;
    pool_reload: "pool-reload" after [POOL, ALICE] is ["pool", "reload", "tank"];
    pool_set: "pool-set" after [POOL] is ["pool", "set", "parallel-start", "tank", "7"];
    pool_unset: "pool-unset" after [POOL, &["pool", "set", "parallel-stop", "tank", "9"]] is
        ["pool", "unset", "parallel-stop", "tank"];
    id_range_new: "id-range-new" after [POOL] is RANGE;
    id_range_del: "id-range-del" after [POOL, RANGE] is ["id-range", "del", "web"];
    id_range_allocate: "id-range-allocate" after [POOL, RANGE] is ALLOCATE;
    id_range_free: "id-range-free" after [POOL, RANGE, ALLOCATE] is
        ["id-range", "free", "--owner", "somebody", "web"];
    user_new: "user-new" after [POOL] is ALICE;
    user_del: "user-del" after [POOL, ALICE] is ["user", "del", "alice"];
    user_register: "user-register" after [POOL, ALICE, &["user", "unreg", "alice"]] is
        ["user", "reg", "alice"];
    user_unregister: "user-unregister" after [POOL, ALICE] is ["user", "unreg", "alice"];
    user_set: "user-set" after [POOL, ALICE] is ["user", "unset", "standalone", "alice"];
    group_new: "group-new" after [POOL] is ["group", "new", "-p", "/a/b/c"];
    group_del: "group-del" after [POOL, &["group", "new", "/a"]] is ["group", "del", "/a"];
    attr_set: "attr-set" after [POOL, ALICE] is
        ["user", "set", "attr", "alice", "org.example:role", "web"];
    attr_unset: "attr-unset" after
        [POOL, ALICE, &["user", "set", "attr", "alice", "org.example:role", "web"]] is
        ["user", "unset", "attr", "alice", "org.example:role"];
    activate: "activate" after [POOL, ALICE] is ["activate"];
    undo: "undo" after [POOL, ALICE] is ["undo"];
}

fn run(scenario: &Scenario) -> Result<()> {
    let (steps, after) = rehearse(scenario)?;
    let forward = points(1..=steps, "").into_iter().map(|point| (point, None));
    // On the way back: step k has its effect and then fails.
    let reverting = (1..=steps).flat_map(|failed| {
        let points = points((1..=failed).rev(), "revert-");
        points
            .into_iter()
            .filter(|point| !point.starts_with("begin"))
            .map(move |p| (p, Some(failed)))
    });
    // The way back from a destruction ends before it begins.
    let reverting = reverting.filter(|_| scenario.name != "pool-destroy");
    for (point, failed) in forward.chain(reverting) {
        crash(scenario, &after, &point, failed).with_context(|| {
            format!("{} killed at {point}, failed at {failed:?}", scenario.name)
        })?;
    }
    Ok(())
}

/// The names of all points around the begin, the steps and the end.
fn points(steps: impl Iterator<Item = usize>, prefix: &str) -> Vec<String> {
    let steps = steps.map(|step| format!("{prefix}{step}"));
    let moments = ["begin".to_owned()]
        .into_iter()
        .chain(steps)
        .chain(["end".to_owned()]);
    moments
        .flat_map(|moment| ["before", "after"].map(|side| format!("{moment}:{side}")))
        .collect()
}

/// Runs the command without a crash; it has to have steps. Returns how many, and the world after it.
fn rehearse(scenario: &Scenario) -> Result<(usize, World)> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    prepare(&sandbox, scenario)?;
    let before = World::look(&sandbox)?;
    let plan = sandbox.json(&[&["--plan"], &*arguments(&sandbox, scenario)].concat())?;
    ensure!(World::look(&sandbox)? == before, "--plan changed something");
    let steps = plan["steps"].as_array().context("a plan has steps")?.len();
    ensure!(steps > 0, "{} has nothing to do", scenario.name);
    sandbox.ok(&arguments(&sandbox, scenario))?;
    let after = World::look(&sandbox)?;
    sandbox.finish(daemon)?;
    Ok((steps, after))
}

fn prepare(sandbox: &Sandbox, scenario: &Scenario) -> Result<()> {
    scenario
        .before
        .iter()
        .try_for_each(|command| sandbox.ok(command).map(drop))
}

/// The command's arguments; `@` stands for the root of the sandbox.
fn arguments<'a>(sandbox: &'a Sandbox, scenario: &'a Scenario) -> Vec<&'a str> {
    let root = sandbox.root().to_str().unwrap_or_default();
    let place = |argument: &'a str| match argument.strip_prefix('@') {
        Some(path) => &*Box::leak(format!("{root}{path}").into_boxed_str()),
        None => argument,
    };
    scenario
        .command
        .iter()
        .map(|argument| place(argument))
        .collect()
}

fn crash(scenario: &Scenario, after: &World, point: &str, failed: Option<usize>) -> Result<()> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    prepare(&sandbox, scenario)?;
    let before = World::look(&sandbox)?;
    let newest = operations(&sandbox, "")?
        .pop()
        .map(|(id, _)| id)
        .unwrap_or_default();
    daemon.stop()?;

    let name = scenario.name;
    let fail = failed
        .map(|step| format!(",{name}:{step}:after:fail"))
        .unwrap_or_default();
    let fault = format!("{name}:{point}:kill{fail}");
    let daemon = sandbox.start_with(&["--fault", &fault])?;
    sandbox.wait_ready()?;
    let arguments = arguments(&sandbox, scenario);
    let ran = sandbox.osctl(&arguments)?;
    ensure!(
        ran.code != 0,
        "the command succeeded although its daemon was to die: {ran:?}"
    );
    daemon
        .wait(std::time::Duration::from_secs(20))
        .context("the daemon did not die")?;

    let daemon = sandbox.start_ready()?;
    let found = World::look(&sandbox)?;
    found.is_clean()?;
    let operations = operations(&sandbox, &newest)?;
    let state = operations.first().map(|(_, state)| state.as_str());
    match state {
        Some("finished") => {}
        // What is destroyed cannot come back; the operation says what is left, and is repeated.
        Some("failed") if scenario.name == "pool-destroy" => {
            sandbox.ok(&arguments).context("again after it failed")?;
        }
        None if !point.starts_with("begin") => anyhow::bail!("nothing says how it ended"),
        None | Some("reverted") => {
            let same = before.expect_same(&found);
            same.context("reverted, but not as before")?;
            sandbox
                .ok(&arguments)
                .context("again after it was reverted")?;
        }
        other => anyhow::bail!("the operation ended {other:?}"),
    }
    let done = World::look(&sandbox)?;
    done.is_clean()?;
    after
        .expect_same(&done)
        .context("finished, but not as without a crash")?;
    sandbox.finish(daemon)
}

/// Id and state of the operations that were asked for after the one with the id `after`, oldest
/// first, from the history. What the daemon does by itself, as importing pools at its start, does
/// not count.
fn operations(sandbox: &Sandbox, after: &str) -> Result<Vec<(String, String)>> {
    let history = sandbox.json(&["history"])?;
    let records = history.as_array().context("history is a list")?;
    let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let asked = records.iter().filter(|record| record["pid"] != 0);
    let mut found: Vec<_> = asked.map(|r| (text(r, "id"), text(r, "state"))).collect();
    found.retain(|(id, _)| id.as_str() > after);
    found.sort();
    Ok(found)
}
