//! Native crash tests: one command for each kind of step. The daemon is killed before and after every step,
//! forward and during rollback. After a restart the operation is finished or reverted, `operation ls` says
//! which, and nothing is half-done.
//!
//! The crash matrix of `osctld` (`crates/osctld/src/host/crash_matrix.rs`) has all commands, on a host in
//! plain files. These tests have real containers, file systems and programs, so one case for each kind of step is
//! enough. Tests named `zfs_` run only inside a machine (`tests/machine`, `vm_zfs`).

use std::io::Write as _;
use std::process::{self, Stdio};

use anyhow::{Context, Result, ensure};
use native::{NO_IMAGE, World, until_idle};
use os_testkit::{Daemon, Ran, Sandbox, image};
use os_types::{Plan, Step};
use serde_json::Value;

/// Arguments of `osctl`. `@` at the beginning of one stands for the root of the sandbox, `%image`
/// for the busybox image, `%no-image` for [`NO_IMAGE`]; one that begins with `<` is not an argument, but
/// standard input, and `%arch` in it the architecture of the host. A first one that begins with `>` is no
/// command: a file of the sandbox, and the second word is what to write there.
type Words = &'static [&'static str];

/// A command, and what is there before it.
struct Scenario {
    /// Its name in the API.
    name: &'static str,
    /// Commands that prepare.
    before: &'static [Words],
    /// The command itself.
    command: Words,
    /// The kinds of steps that this scenario has to contain.
    covers: &'static [&'static str],
    /// What makes it possible to run it again.
    again: Again,
}

/// What is between two runs of a command.
#[derive(Clone, Copy)]
enum Again {
    /// Everything is made again, in a sandbox of its own: what the command leaves has to stay as it is.
    Anew,
    /// These commands lead back to what was there before, in the same sandbox.
    Back(&'static [Words]),
    /// These do too; but the command itself destroys data, and cannot be taken back.
    Made(&'static [Words]),
}

impl Scenario {
    /// the rollback from a destruction ends before it begins.
    const fn destroys(&self) -> bool {
        matches!(self.again, Again::Made(_))
    }
}

const POOL: &[&str] = &["pool", "new", "--size", "512M", "tank"];
const EXPORT: &[&str] = &["pool", "export", "tank"];
const ALICE: &[&str] = &["user", "new", "alice"];
const CT: Words = &[
    "ct",
    "new",
    "--from-file",
    "%image",
    "--user",
    "alice",
    "web",
];
const CT_OWN: Words = &["ct", "new", "--from-file", "%image", "web"];
const CT_OTHER: Words = &[
    "ct",
    "new",
    "--from-file",
    "%image",
    "--user",
    "alice",
    "other",
];
const START: Words = &["ct", "start", "web"];
const KILL: Words = &["ct", "stop", "--kill", "web"];
const DEL: Words = &["ct", "del", "web"];
const EMPTY_TRASH: Words = &["trash-bin", "prune", "tank"];
const DROP_IMAGES: Words = &["image", "prune", "tank"];
const IMPORT: Words = &["pool", "import", "tank"];
const SCRIPT: Words = &[">tank/hook/ct/web/pre-start", "#!/bin/sh\n"];
const EMPTY: Words = &["ct", "new", "%no-image", "--user", "alice", "web"];
const REPLACE: Words = &[
    "ct",
    "config",
    "replace",
    "web",
    concat!(
        "<",
        "schema = 1\n",
        "user = \"alice\"\ngroup = \"/default\"\ndistribution = \"busybox\"\nversion = \"1\"\n",
        "arch = \"%arch\"\nhostname = \"replaced\"\n# end\n"
    ),
];
const REPLACE_BACK: Words = &[
    "ct",
    "config",
    "replace",
    "web",
    concat!(
        "<",
        "schema = 2\n",
        "user = \"alice\"\ngroup = \"/default\"\ndistribution = \"busybox\"\nversion = \"1\"\n",
        "arch = \"%arch\"\n# end\n"
    ),
];

macro_rules! matrix {
    ($($test:ident: $name:literal after [$($before:expr),*] is $command:expr $(, $again:ident [$($back:expr),*])?
        $(=> $($kind:literal)+)?;)*) => {
        $(#[test]
        fn $test() -> Result<()> {
            run(&Scenario {
                name: $name,
                before: &[$($before),*],
                command: &$command,
                covers: &[$($($kind),+)?],
                again: matrix!(@again $($again [$($back),*])?),
            })
        })*

        /// The kinds of steps that the scenarios contain.
        const COVERED: &[&str] = &[$($($($kind),+,)?)*];
    };
    (@again) => { Again::Anew };
    (@again back [$($back:expr),*]) => { Again::Back(&[$($back),*]) };
    (@again made [$($back:expr),*]) => { Again::Made(&[$($back),*]) };
}

matrix! {
    pool_new: "pool-new" after [] is POOL => "pool-source" "pool-image" "pool-open" "property" "pool-mark"
        "pool-prepare" "pool-running" "pool-load" "pool-users";
    pool_reload: "pool-reload" after [POOL, ALICE] is ["pool", "reload", "tank"] => "pool-reload";
    user_new: "user-new" after [POOL] is ALICE => "id-blocks" "file" "system-user";
    group_new: "group-new" after [POOL] is ["group", "new", "-p", "/a/b/c"] => "directory";
    activate: "activate" after [POOL, ALICE] is ["activate"] => "account-files";
    ct_new: "container-new" after [POOL, ALICE] is CT, back [DEL, EMPTY_TRASH, DROP_IMAGES] =>
        "image" "clone";
    ct_new_without_an_image: "container-new" after [POOL, ALICE] is EMPTY, back [DEL, EMPTY_TRASH] =>
        "dataset";
    ct_start: "container-start" after [POOL, ALICE, CT] is START, back [KILL] => "run";
    ct_stop: "container-stop" after [POOL, ALICE, CT, START] is ["ct", "stop", "web"], back [START];
    ct_freeze: "container-freeze" after [POOL, ALICE, CT, START] is ["ct", "freeze", "web"],
        back [&["ct", "unfreeze", "web"]] => "freeze";
    ct_rename_with_hook_scripts: "container-rename" after [POOL, ALICE, CT, SCRIPT] is
        ["ct", "rename", "web", "shop"], back [&["ct", "rename", "shop", "web"]] =>
        "path-name" "dataset-name";
    ct_config_replace: "container-config-replace" after [POOL, ALICE, EMPTY] is REPLACE,
        back [REPLACE_BACK] => "guest";
    trash_prune: "trash-prune" after [POOL, ALICE, CT, DEL, CT, DEL] is EMPTY_TRASH,
        made [CT, DEL, CT, DEL] => "purge";
    zfs_pool_destroy: "pool-destroy" after [POOL, EXPORT] is ["pool", "destroy", "--yes", "tank"],
        made [POOL, EXPORT];
    zfs_pool_import: "pool-import" after [POOL, ALICE, EXPORT] is IMPORT;
    zfs_pool_export: "pool-export" after [POOL, ALICE] is EXPORT;
    zfs_ct_new_from_the_cache: "container-new" after [POOL, ALICE, CT_OTHER] is CT,
        back [DEL, EMPTY_TRASH];
    zfs_ct_del: "container-del" after [POOL, CT_OWN] is DEL, back [EMPTY_TRASH, CT_OWN];
}

/// Kinds of steps without a scenario, each with the reason.
const LEFT_OUT: &[(&str, &str)] = &[(
    "pool-active",
    "only in journals of earlier versions; `root_steps.rs` of osctld tests it",
)];

#[test]
fn every_kind_of_step_has_a_scenario() {
    let left_out = LEFT_OUT.iter().map(|(kind, _)| kind);
    let mut found: Vec<_> = COVERED.iter().chain(left_out).collect();
    found.sort();
    let mut all: Vec<_> = Step::KINDS.iter().collect();
    all.sort();
    assert_eq!(found, all);
}

fn run(scenario: &Scenario) -> Result<()> {
    let Rehearsal {
        stops,
        has_way_back,
        after,
    } = rehearse(scenario)?;
    let steps = has_way_back.len();
    let forward = points(1..=steps, "").into_iter().map(|point| (point, None));
    // during rollback: step k has its effect and then fails. The whole way is gone from the last
    // step; of the others only the first part, behind which their ways are the same.
    let reverting = (1..=steps).flat_map(|failed| {
        let last = if failed == steps { 1 } else { failed };
        let points = points((last..=failed).rev(), "revert-");
        points
            .into_iter()
            .filter(|point| !point.starts_with("begin"))
            .filter(move |point| failed == steps || !point.starts_with("end"))
            .filter(|point| !is_of_one_that_stays(point, &has_way_back))
            .map(move |p| (p, Some(failed)))
    });
    let reverting = reverting.filter(|_| !scenario.destroys());
    let mut stage = None;
    for (point, failed) in forward.chain(reverting) {
        let on = match stage.take() {
            Some(stage) => stage,
            None => Stage::set(scenario, stops)?,
        };
        stage = on
            .crash(scenario, &after, &point, failed)
            .with_context(|| {
                format!("{} killed at {point}, failed at {failed:?}", scenario.name)
            })?;
    }
    match stage {
        Some(Stage { sandbox, .. }) => {
            let daemon = sandbox.start_ready()?;
            sandbox.finish(daemon)
        }
        None => Ok(()),
    }
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

/// Whether a point is around the rollback of a step that has none.
fn is_of_one_that_stays(point: &str, has_way_back: &[bool]) -> bool {
    let steps = (1..).zip(has_way_back).filter(|(_, has)| !**has);
    let mut prefixes = steps.map(|(number, _): (usize, _)| format!("revert-{number}:"));
    prefixes.any(|prefix| point.starts_with(&prefix))
}

/// What a command does without a crash.
struct Rehearsal {
    /// It stops containers, which is irreversible.
    stops: bool,
    /// Of each step. One that finds nothing to do, such as the registration of no users, has none either.
    has_way_back: Vec<bool>,
    /// The world after it.
    after: World,
}

/// Runs the command without a crash; it has to have steps.
fn rehearse(scenario: &Scenario) -> Result<Rehearsal> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    prepare(&sandbox, scenario.before)?;
    let before = World::look(&sandbox)?;
    let planned = succeed(&sandbox, &[&["-j", "--plan"], scenario.command].concat())?;
    let plan: Plan = serde_json::from_str(&planned)?;
    let same = before.expect_same(&World::look(&sandbox)?);
    same.context("--plan changed something")?;
    ensure!(
        !plan.steps.is_empty(),
        "{} has nothing to do",
        scenario.name
    );
    for kind in scenario.covers {
        let mut kinds = plan.steps.iter().map(Step::kind);
        ensure!(
            kinds.any(|other| other == *kind),
            "no step {kind}: {planned}"
        );
    }
    succeed(&sandbox, scenario.command)?;
    let after = World::look(&sandbox)?;
    let ended = sandbox.json(&["operation", "show", &newest(&sandbox)?])?;
    let has_way_back = plan.steps.iter().enumerate().map(|(at, step)| {
        let state = &ended["steps"][at]["state"];
        !step.stays() && state != "unchanged"
    });
    let has_way_back = has_way_back.collect();
    sandbox.finish(daemon)?;
    Ok(Rehearsal {
        stops: plan.steps.iter().any(Step::stays),
        has_way_back,
        after,
    })
}

fn prepare(sandbox: &Sandbox, commands: &[Words]) -> Result<()> {
    commands
        .iter()
        .try_for_each(|command| succeed(sandbox, command).map(drop))
}

/// `osctl` with these words; see [`Words`].
fn osctl(sandbox: &Sandbox, words: &[&str]) -> Result<process::Command> {
    let root = sandbox.root().to_str().context("a root with a name")?;
    let input = words.iter().find_map(|word| word.strip_prefix('<'));
    let mut command = sandbox.osctl_command(&[])?;
    for word in words.iter().filter(|word| !word.starts_with('<')) {
        match (*word, word.strip_prefix('@')) {
            ("%image", _) => command.arg(image::busybox()?),
            ("%no-image", _) => command.args(NO_IMAGE),
            (_, Some(path)) => command.arg(format!("{root}{path}")),
            (word, None) => command.arg(word),
        };
    }
    if let Some(input) = input {
        let (reader, mut writer) = std::io::pipe()?;
        // A pipe holds more than any of these texts.
        let input = input.replace("%arch", std::env::consts::ARCH);
        writer.write_all(input.as_bytes())?;
        command.stdin(reader);
    }
    Ok(command)
}

fn succeed(sandbox: &Sandbox, words: &[&str]) -> Result<String> {
    if let [file, text] = words
        && let Some(path) = file.strip_prefix('>')
    {
        native::write(sandbox.path(path), text)?;
        return Ok(String::new());
    }
    let ran = Ran::of(&mut osctl(sandbox, words)?)?;
    ensure!(ran.code == 0, "{words:?}: {ran:?}\n{}", sandbox.log());
    Ok(ran.stdout)
}

/// A sandbox in which everything is as before the command; its daemon has been stopped.
struct Stage {
    sandbox: Sandbox,
    before: World,
    /// The newest operation of the history.
    newest: String,
    /// The command stops containers, which is irreversible.
    stops: bool,
}

impl Stage {
    fn set(scenario: &Scenario, stops: bool) -> Result<Self> {
        let sandbox = Sandbox::new()?;
        let daemon = sandbox.start_ready()?;
        prepare(&sandbox, scenario.before)?;
        let before = World::look(&sandbox)?;
        let newest = newest(&sandbox)?;
        daemon.stop()?;
        Ok(Self {
            sandbox,
            before,
            newest,
            stops,
        })
    }

    /// One crash. Returns the stage for the next one, if the scenario says how to come back.
    fn crash(
        self,
        scenario: &Scenario,
        after: &World,
        point: &str,
        failed: Option<usize>,
    ) -> Result<Option<Self>> {
        let sandbox = &self.sandbox;
        let name = scenario.name;
        let fail = failed
            .map(|step| format!(",{name}:{step}:after:fail"))
            .unwrap_or_default();
        let fault = format!("{name}:{point}:kill{fail}");
        let daemon = sandbox.start_with(&["--fault", &fault])?;
        sandbox.wait_ready()?;
        let mut client = osctl(sandbox, scenario.command)?
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let died = daemon.wait(std::time::Duration::from_mins(1));
        // It would wait for the next daemon.
        client.kill()?;
        client.wait()?;
        died.context("the daemon did not die")?;

        let daemon = sandbox.start_ready()?;
        until_idle(sandbox)?;
        self.settle(scenario, point)?;
        let done = World::look(sandbox)?;
        done.is_clean()?;
        after
            .expect_same(&done)
            .context("finished, but not as without a crash")?;
        self.back(scenario, daemon)
    }

    /// Brings the command to its end, and checks how it was found after the crash.
    fn settle(&self, scenario: &Scenario, point: &str) -> Result<()> {
        let sandbox = &self.sandbox;
        let found = World::look(sandbox)?;
        found.is_clean()?;
        let operations = operations(sandbox, &self.newest)?;
        let state = operations.first().map(|(_, state)| state.as_str());
        match state {
            Some("finished") => Ok(()),
            // What is destroyed cannot come back; the operation says what is left, and is repeated.
            Some("failed") if scenario.destroys() => {
                let again = succeed(sandbox, scenario.command);
                again.map(drop).context("again after it failed")
            }
            None if !point.starts_with("begin") => anyhow::bail!("nothing says how it ended"),
            None | Some("reverted") => {
                // What was stopped stays so; started again, it is as before.
                let starts = |words: &&Words| self.stops && words.starts_with(&["ct", "start"]);
                for words in scenario.before.iter().filter(starts) {
                    succeed(sandbox, words)?;
                }
                let same = self.before.expect_same(&World::look(sandbox)?);
                same.context("reverted, but not as before")?;
                let again = succeed(sandbox, scenario.command);
                again.map(drop).context("again after it was reverted")
            }
            other => anyhow::bail!("the operation ended {other:?}"),
        }
    }

    fn back(self, scenario: &Scenario, daemon: Daemon) -> Result<Option<Self>> {
        let (Again::Back(back) | Again::Made(back)) = scenario.again else {
            self.sandbox.finish(daemon)?;
            return Ok(None);
        };
        prepare(&self.sandbox, back).context("the rollback")?;
        let same = self.before.expect_same(&World::look(&self.sandbox)?);
        same.context("the rollback leads to another state")?;
        let newest = newest(&self.sandbox)?;
        daemon.stop()?;
        Ok(Some(Self { newest, ..self }))
    }
}

fn newest(sandbox: &Sandbox) -> Result<String> {
    let newest = operations(sandbox, "")?.pop();
    Ok(newest.map(|(id, _)| id).unwrap_or_default())
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
