//! The crash matrix: for each mutating command, `kill -9` of the daemon before and after every
//! step, on the way there and during rollback. After a restart the operation is finished or
//! reverted, `operation ls` says which, and nothing half-made is left.

use std::io::Write as _;
use std::process::{self, Stdio};

use anyhow::{Context, Result, ensure};
use native::{NO_IMAGE, World, wait_for};
use os_api::Command;
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
const START_OTHER: Words = &["ct", "start", "other"];
const CT_THIRD: Words = &[
    "ct",
    "new",
    "--from-file",
    "%image",
    "--user",
    "alice",
    "third",
];
const START_THIRD: Words = &["ct", "start", "third"];
const IMPORT: Words = &["pool", "import", "tank"];
const EPHEMERAL: Words = &["ct", "set", "ephemeral", "web"];
const SCRIPT: Words = &[">tank/hook/ct/web/pre-start", "#!/bin/sh\n"];
const BOB: Words = &["user", "new", "bob"];
const GROUP: Words = &["group", "new", "/web"];
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
    ($names:ident: $($test:ident: $name:literal after [$($before:expr),*] is $command:expr $(, $again:ident [$($back:expr),*])?;)*) => {
        $(#[test]
        fn $test() -> Result<()> {
            run(&Scenario {
                name: $name,
                before: &[$($before),*],
                command: &$command,
                again: matrix!(@again $($again [$($back),*])?),
            })
        })*

        /// The commands of this part of the matrix.
        const $names: &[&str] = &[$($name),*];
    };
    (@again) => { Again::Anew };
    (@again back [$($back:expr),*]) => { Again::Back(&[$($back),*]) };
    (@again made [$($back:expr),*]) => { Again::Made(&[$($back),*]) };
}

matrix! {
    OF_POOLS:
    pool_new: "pool-new" after [] is POOL;
    pool_install: "pool-install" after [POOL, EXPORT, &["pool", "uninstall", "tank"]] is
        ["pool", "install", "--source", "@/var/lib/osctl/images/tank.img", "tank"];
    pool_uninstall: "pool-uninstall" after [POOL, EXPORT] is ["pool", "uninstall", "tank"];
    pool_destroy: "pool-destroy" after [POOL, EXPORT] is ["pool", "destroy", "--yes", "tank"],
        made [POOL, EXPORT];
    pool_forget: "pool-forget" after [POOL, ALICE, EXPORT] is ["pool", "forget", "tank"];
    pool_import: "pool-import" after [POOL, ALICE, EXPORT] is IMPORT;
    pool_export: "pool-export" after [POOL, ALICE] is EXPORT;
    pool_export_in_an_older_schema: "pool-export" after [POOL, ALICE, GROUP] is
        ["pool", "export", "--schema", "1", "tank"];
    prlimit_set: "prlimit-set" after [POOL] is
        ["group", "prlimits", "set", "/default", "nofile", "100"];
    prlimit_unset: "prlimit-unset" after
        [POOL, &["pool", "prlimits", "set", "tank", "nofile", "100"]] is
        ["pool", "prlimits", "unset", "tank", "nofile"];
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

matrix! {
    OF_CONTAINERS:
    ct_new: "container-new" after [POOL, ALICE] is CT, back [DEL, EMPTY_TRASH, DROP_IMAGES];
    ct_new_with_a_user_of_its_own: "container-new" after [POOL, ALICE, CT_OTHER] is CT_OWN,
        back [DEL, EMPTY_TRASH];
    ct_new_from_the_cache: "container-new" after [POOL, ALICE, CT_OTHER] is CT,
        back [DEL, EMPTY_TRASH];
    ct_new_without_an_image: "container-new" after [POOL, ALICE] is EMPTY, back [DEL, EMPTY_TRASH];
    ct_del: "container-del" after [POOL, CT_OWN] is DEL, back [EMPTY_TRASH, CT_OWN];
    ct_del_of_a_running_one: "container-del" after [POOL, ALICE, CT, START] is
        ["ct", "del", "-f", "web"], back [EMPTY_TRASH, CT, START];
    ct_start: "container-start" after [POOL, ALICE, CT] is START, back [KILL];
    ct_stop: "container-stop" after [POOL, ALICE, CT, START] is ["ct", "stop", "web"], back [START];
    ct_stop_of_an_ephemeral_one: "container-stop" after [POOL, ALICE, CT, EPHEMERAL, START] is
        ["ct", "stop", "web"], back [EMPTY_TRASH, CT, EPHEMERAL, START];
    ct_kill: "container-stop" after [POOL, ALICE, CT, START] is KILL, back [START];
    ct_restart: "container-restart" after [POOL, ALICE, CT, START] is
        ["ct", "restart", "--kill", "web"], back [];
    ct_freeze: "container-freeze" after [POOL, ALICE, CT, START] is ["ct", "freeze", "web"],
        back [&["ct", "unfreeze", "web"]];
    ct_unfreeze: "container-unfreeze" after [POOL, ALICE, CT, START, &["ct", "freeze", "web"]] is
        ["ct", "unfreeze", "web"], back [&["ct", "freeze", "web"]];
    ct_set: "container-set" after [POOL, ALICE, CT] is ["ct", "set", "nesting", "web"],
        back [&["ct", "unset", "nesting", "web"]];
    ct_set_description: "container-set" after [POOL, ALICE, CT] is
        ["ct", "set", "description", "web", "for tests"],
        back [&["ct", "unset", "description", "web"]];
    ct_prlimit_set: "prlimit-set" after [POOL, ALICE, CT] is
        ["ct", "prlimits", "set", "web", "nofile", "100"],
        back [&["ct", "prlimits", "unset", "web", "nofile"]];
    ct_unset: "container-unset" after [POOL, ALICE, CT, EPHEMERAL] is
        ["ct", "unset", "ephemeral", "web"], back [EPHEMERAL];
    ct_chown: "container-chown" after [POOL, BOB, CT_OWN] is ["ct", "chown", "web", "bob"],
        back [DEL, EMPTY_TRASH, CT_OWN];
    ct_chgrp: "container-chgrp" after [POOL, ALICE, CT, GROUP] is ["ct", "chgrp", "web", "/web"],
        back [&["ct", "chgrp", "web", "/default"]];
    ct_rename: "container-rename" after [POOL, ALICE, CT] is ["ct", "rename", "web", "shop"],
        back [&["ct", "rename", "shop", "web"]];
    ct_rename_with_hook_scripts: "container-rename" after [POOL, ALICE, CT, SCRIPT] is
        ["ct", "rename", "web", "shop"], back [&["ct", "rename", "shop", "web"]];
    ct_config_replace: "container-config-replace" after [POOL, ALICE, EMPTY] is REPLACE,
        back [REPLACE_BACK];
    ct_config_reload: "container-config-reload" after [POOL, ALICE, CT] is
        ["ct", "config", "reload", "web"], back [];
    pool_export_of_running_ones: "pool-export" after
        [POOL, ALICE, CT, CT_OTHER, CT_THIRD, START, START_OTHER, START_THIRD] is
        ["pool", "export", "-f", "tank"], back [IMPORT, START, START_OTHER, START_THIRD];
    trash_prune: "trash-prune" after [POOL, ALICE, CT, DEL, CT, DEL] is EMPTY_TRASH,
        made [CT, DEL, CT, DEL];
    image_prune: "image-prune" after [POOL, ALICE, CT, DEL, EMPTY_TRASH] is DROP_IMAGES,
        made [CT, DEL, EMPTY_TRASH];
}

/// Commands that the matrix leaves out, each with the reason.
const LEFT_OUT: &[(&str, &str)] = &[];

#[test]
fn every_command_is_in_the_matrix() {
    let left_out = LEFT_OUT.iter().map(|(name, _)| name);
    let mut found: Vec<_> = OF_POOLS
        .iter()
        .chain(OF_CONTAINERS)
        .chain(left_out)
        .collect();
    found.sort();
    found.dedup();
    let mut all: Vec<_> = Command::ALL.iter().map(|info| &info.name).collect();
    all.sort();
    assert_eq!(found, all);
    for (name, reason) in LEFT_OUT {
        assert!(!reason.is_empty() && !OF_POOLS.contains(name) && !OF_CONTAINERS.contains(name));
    }
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
        prepare(&self.sandbox, back).context("the way back")?;
        let same = self.before.expect_same(&World::look(&self.sandbox)?);
        same.context("the way back leads somewhere else")?;
        let newest = newest(&self.sandbox)?;
        daemon.stop()?;
        Ok(Some(Self { newest, ..self }))
    }
}

/// Waits for operations that go on although the daemon is ready: those that may wait for guests.
fn until_idle(sandbox: &Sandbox) -> Result<()> {
    let ended = ["finished", "reverted", "cancelled", "failed"];
    wait_for("the end of all operations", || {
        let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
        let all = all.as_array().context("a list")?;
        let has_ended = |now: &Value| now["state"].as_str().is_some_and(|s| ended.contains(&s));
        Ok(all.iter().all(has_ended).then_some(()))
    })
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
