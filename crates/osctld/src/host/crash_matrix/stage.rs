//! A scenario on its disk, with the state of the host before and after the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_api::{Command, OperationState};
use os_runtime::{Runtime, Setup};
use os_types::{OpId, Plan, Step};
use tempfile::TempDir;

use super::cuts::{self, Cut, Cuts, Way};
use super::daemon::{self, Daemon};
use super::world::World;
use super::{Scenario, Words};

/// A prepared scenario.
pub(super) struct Stage<'a> {
    scenario: &'a Scenario,
    command: Command,
    folder: TempDir,
    runtime: Arc<Runtime>,
    plan: Plan,
    before: World,
    after: World,
}

impl<'a> Stage<'a> {
    pub(super) fn set(scenario: &'a Scenario) -> Self {
        // The tests sync thousands of temporary files, which is slow on a disk.
        let memory = Path::new("/dev/shm");
        let folder = match tempfile::tempdir_in(memory) {
            Ok(folder) => folder,
            Err(_) => tempfile::tempdir().unwrap(),
        };
        let root = folder.path().join("root");
        daemon::install(&root);
        let runtime = Runtime::new(Setup {
            run_dir: folder.path().join("runtime"),
            etc: Some(root.join("etc")),
            cgroup_parent: os_core::layout::cgroup_parent(&root),
            listener: Box::new(|_, _, _| {}),
            exited: Box::new(|_, _| {}),
        });
        let runtime = Arc::new(runtime.unwrap());
        let cuts = Arc::new(Cuts::new(&root, &folder.path().join("none")));
        let daemon = Daemon::start(&root, &runtime, &cuts, "");
        for words in scenario.before {
            match words.0.strip_prefix('>') {
                Some(path) => super::write(&root.join(path), words.1),
                None => daemon.succeed(&command(*words, &root)),
            }
        }
        drop(daemon);
        // A new daemon, because a crash is followed by one, too.
        let daemon = Daemon::start(&root, &runtime, &cuts, "");
        let before = World::look(&root, &daemon);
        drop(daemon);
        cuts::copy(&root, &folder.path().join("before")).unwrap();
        let daemon = Daemon::start(&root, &runtime, &cuts, "");
        let command = command(scenario.command, &root);
        let plan = daemon.preview(&command);
        assert!(
            !plan.steps.is_empty(),
            "{} has nothing to do",
            scenario.command.0
        );
        daemon.succeed(&command);
        let after = World::look(&root, &daemon);
        drop(daemon);
        Self {
            scenario,
            command,
            folder,
            runtime,
            plan,
            before,
            after,
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Replaces the disk by another one, which is moved.
    fn put(&self, disk: &Path) {
        os_store::remove_tree(&self.root()).unwrap();
        fs::rename(disk, self.root()).unwrap();
    }

    /// Number of steps.
    pub(super) fn steps(&self) -> usize {
        self.plan.steps.len()
    }

    /// Whether a step is irreversible.
    pub(super) fn destroys(&self) -> bool {
        let mut steps = self.plan.steps.iter();
        steps.any(|step| step.inverse().is_none())
    }

    /// Crashes the command at each point of this way, in a run with this fault.
    pub(super) fn crash_all(&self, way: Way, fault: &str) {
        let (id, cuts) = self.cuts(way, fault);
        for cut in cuts {
            println!("{} {way:?} {fault}: {}", self.command.name(), cut.at);
            if cut.may_be_torn {
                let torn = self.folder.path().join("torn");
                cuts::copy(&cut.disk, &torn).unwrap();
                cuts::tear(&torn);
                println!("with a torn journal");
                self.settle(&id, &torn, None);
                println!("with a whole journal");
            }
            self.settle(&id, &cut.disk, Some(way));
        }
    }

    /// Runs the command with this fault on the disk from before it. Returns the disk at each point.
    fn cuts(&self, way: Way, fault: &str) -> (OpId, Vec<Cut>) {
        let into = self.folder.path().join("cuts");
        os_store::remove_tree(&into).unwrap();
        fs::create_dir(&into).unwrap();
        let disk = self.folder.path().join("copy");
        cuts::copy(&self.folder.path().join("before"), &disk).unwrap();
        self.put(&disk);
        let cuts = Arc::new(Cuts::new(&self.root(), &into));
        let faults = self.faults(way, fault);
        let daemon = self.daemon(&cuts, &faults);
        cuts.begin(way);
        let ended = daemon.run(&self.command);
        (ended.id, cuts.end())
    }

    /// A fault plan with all points of this way, and the fault.
    fn faults(&self, way: Way, fault: &str) -> String {
        let numbers = 1..=self.plan.steps.len();
        let moments: Vec<_> = match way {
            Way::There => numbers.map(|number| number.to_string()).collect(),
            Way::Back => numbers.map(|number| format!("revert-{number}")).collect(),
        };
        let begin = (way == Way::There).then(|| "begin".to_owned());
        let moments = begin.into_iter().chain(moments).chain(["end".to_owned()]);
        let name = self.command.name();
        let points = moments.flat_map(|moment| {
            ["before", "after"].map(|side| format!("{name}:{moment}:{side}:kill"))
        });
        let points: Vec<_> = points.chain([fault.to_owned()]).collect();
        points.join(",")
    }

    fn daemon(&self, cuts: &Arc<Cuts>, faults: &str) -> Daemon {
        Daemon::start(&self.root(), &self.runtime, cuts, faults)
    }

    /// Starts a daemon on a disk after a crash and checks the host. `way` is `None` if the journal is torn.
    fn settle(&self, id: &OpId, disk: &Path, way: Option<Way>) {
        self.put(disk);
        let cuts = Arc::new(Cuts::new(&self.root(), disk));
        let daemon = self.daemon(&cuts, "");
        let state = daemon.state_of(id);
        println!("ended {state:?}");
        match state {
            Some(OperationState::Finished) => assert_ne!(way, Some(Way::Back)),
            // An irreversible step; the operation says what is left, and can be repeated.
            Some(OperationState::Failed) if self.destroys() => daemon.succeed(&self.command),
            None | Some(OperationState::Cancelled | OperationState::Reverted) => {
                // An operation that has begun is rolled forward, unless it has to create an image file that
                // exists already: recovery does not know whether the operation created it.
                let is_reverted = state == Some(OperationState::Reverted);
                let mut steps = self.plan.steps.iter();
                let has_image = steps.any(|step| matches!(step, Step::PoolImage(_)));
                assert!(way != Some(Way::There) || !is_reverted || has_image);
                // Rollback does not start containers that the operation has stopped.
                for words in self.scenario.before {
                    if words.0 == "container-start" && self.plan.steps.iter().any(Step::stays) {
                        daemon.succeed(&command(*words, &self.root()));
                    }
                }
                let found = World::look(&self.root(), &daemon);
                let differences = self.before.differences(&found);
                assert!(differences.is_empty(), "not as before:\n{differences}");
                if way.is_none() {
                    // The command is repeated after the same crash with a whole journal.
                    return;
                }
                daemon.succeed(&self.command);
            }
            other => panic!("it ended {other:?}"),
        }
        let found = World::look(&self.root(), &daemon);
        let differences = self.after.differences(&found);
        assert!(
            differences.is_empty(),
            "not as without a crash:\n{differences}"
        );
    }
}

fn command((name, body): Words, root: &Path) -> Command {
    let body = body.replace('@', root.to_str().unwrap());
    Command::decode(name, body.as_bytes()).unwrap().unwrap()
}
