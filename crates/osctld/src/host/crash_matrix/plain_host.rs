//! A host in plain files. Most steps are those of the daemon, on storage in plain files. Steps that need a kernel
//! or a helper process write a file instead: start, freeze and enter a container, unpack an image.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use os_api::Command;
use os_api::command::container::RootSource;
use os_core::facts::{Facts, ImageFact, Running};
use os_core::{State, layout};
use os_engine::{Host, Outcome, Planned, Reservation, StepCheck, StepContext};
use os_types::image::ImageInfo;
use os_types::step::{FreezeStep, GuestStep, ImageStep, PoolMarkStep, RunStep};
use os_types::{
    Code, ContainerName, ContainerRef, ContainerState, DatasetName, Failure, GuestSettings, Plan,
    PoolName, Presence, Step,
};

use super::cuts::{Cuts, Way};
use super::plain_storage::is_open;
use crate::host::{LinuxHost, file, kind, mark};

/// The image of all containers.
const IMAGE: &str = r#"{
    "digest": "0000000000000000000000000000000000000000000000000000000000000001",
    "distribution": "busybox", "version": "1", "arch": "x86_64", "vendor": "tests",
    "variant": "minimal", "created": "2026-01-01T00:00:00Z", "root_bytes": 1
}"#;

const FROZEN: &str = "frozen";
const RUNS: &str = "runs";

/// The host, which has its disk copied before each step.
#[derive(Debug)]
pub(super) struct PlainHost {
    pub(super) real: LinuxHost,
    pub(super) cuts: Arc<Cuts>,
    /// Pools whose running containers this daemon has looked for.
    known: Mutex<BTreeSet<PoolName>>,
}

impl PlainHost {
    pub(super) fn new(real: LinuxHost, cuts: Arc<Cuts>) -> Self {
        let known = Mutex::default();
        Self { real, cuts, known }
    }

    pub(super) fn preview(&self, command: &Command) -> Result<Plan, Failure> {
        os_core::plan(command, &self.real.state(), &self.facts_for(command)?)
    }

    pub(super) fn plan(&self, command: &Command) -> Result<Planned, Failure> {
        self.real.plan_with(command, self.facts_for(command)?)
    }

    pub(super) fn state(&self) -> Arc<State> {
        self.real.state()
    }

    fn facts_for(&self, command: &Command) -> Result<Facts, Failure> {
        let mut facts = match command {
            // Skips the slow search for processes that use the pool; no process does.
            Command::PoolExport(_) => self.real.facts()?,
            other => self.real.facts_for(other)?,
        };
        // The real host finds its open pools in the mount table.
        let (paths, names) = (self.real.paths(), &mut facts.taken_names);
        names.retain(|name| !is_open(&paths.root().join(name)));
        facts.running = self.running();
        if let Command::ContainerNew(new) = command
            && let RootSource::File { path } = &new.root
        {
            let info: ImageInfo = serde_json::from_str(IMAGE).unwrap();
            let file = path.clone().into();
            for pool in self.state().pools() {
                let dataset = layout::image_dataset(pool.dataset(), &info.digest)?;
                let ready = layout::image_snapshot(&dataset)?;
                if self.real.contents(pool.name()).has_snapshot(&ready)? {
                    facts.storage.cached.insert(info.digest.clone(), true);
                }
            }
            facts.storage.image = Some(Ok(ImageFact { file, info }));
        }
        Ok(facts)
    }

    // === what a kernel would know ===

    fn kernel(&self, pool: &PoolName, container: &ContainerName) -> PathBuf {
        let name = format!("kernel/{pool}:{container}");
        self.real.paths().root().join(name)
    }

    fn says(&self, pool: &PoolName, container: &ContainerName) -> Option<String> {
        fs::read_to_string(self.kernel(pool, container)).ok()
    }

    /// Fails if the daemon has not looked for running containers, as it might start one a second time.
    fn say(&self, pool: &PoolName, container: &ContainerName, what: Option<&str>) {
        assert!(
            self.known.lock().unwrap().contains(pool),
            "a step about {pool}:{container} before it is known what runs"
        );
        file::write(&self.kernel(pool, container), what).unwrap();
    }

    fn running(&self) -> BTreeMap<ContainerRef, Running> {
        let entries = fs::read_dir(self.real.paths().root().join("kernel")).unwrap();
        let running = entries.map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let (pool, container) = name.split_once(':').unwrap();
            let is_frozen = fs::read_to_string(entry.path()).unwrap() == FROZEN;
            let running = Running {
                state: if is_frozen {
                    ContainerState::Frozen
                } else {
                    ContainerState::Running
                },
                exec_only: false,
                init_pid: None,
                monitor_pid: None,
                started: None,
                started_with: None,
            };
            let container = ContainerRef::new(&pool.parse().unwrap(), &container.parse().unwrap());
            (container, running)
        });
        running.collect()
    }

    // === steps ===

    fn check_run(&self, step: &RunStep) -> Result<StepCheck, Failure> {
        let container = ContainerRef::new(&step.pool, &step.container);
        let is_running = self.says(&step.pool, &step.container).is_some();
        Ok(match (self.real.stop_target(&container)?, step.to) {
            (None, Presence::Present) => StepCheck::Conflict("its configuration is gone".into()),
            (None, Presence::Absent) => StepCheck::Done,
            (Some(_), to) => StepCheck::of_presence(is_running, to),
        })
    }

    fn run(&self, step: &RunStep) -> Result<(), Failure> {
        let container = ContainerRef::new(&step.pool, &step.container);
        if step.to == Presence::Present {
            // Fails if something that a start needs is missing.
            self.real.container_spec(&container)?;
        }
        let what = step.to.pick(Some(RUNS), None);
        self.say(&step.pool, &step.container, what);
        Ok(())
    }

    fn check_freeze(&self, step: &FreezeStep) -> StepCheck {
        let found = self.says(&step.pool, &step.container);
        match (found.as_deref(), step.to) {
            (None, Presence::Present) => StepCheck::Conflict("it does not run".into()),
            (None, Presence::Absent) => StepCheck::Done,
            (Some(what), to) => StepCheck::of_presence(what == FROZEN, to),
        }
    }

    /// Writes the settings into a file of the guest.
    fn tell(&self, step: &GuestStep) -> Result<(), Failure> {
        let state = self.real.state_of(&step.pool)?;
        let found = state.find(Some(&step.pool), &step.container)?;
        let dataset = found.dataset(&step.container)?;
        let folder = layout::dataset_folder(self.real.paths().root(), &dataset);
        if folder.exists() {
            let told = serde_json::to_string(&step.after).unwrap();
            let told = (step.after != GuestSettings::default()).then_some(&*told);
            file::write(&folder.join("told"), told)?;
        }
        Ok(())
    }

    fn image(&self, step: &ImageStep) -> Result<(DatasetName, StepCheck), Failure> {
        let dataset = layout::image_dataset(&self.real.scopes.dataset(&step.pool), &step.digest)?;
        let contents = self.real.contents(&step.pool);
        let is_done = match step.to {
            Presence::Present => contents.has_snapshot(&layout::image_snapshot(&dataset)?)?,
            Presence::Absent => !contents.exists(&dataset)?,
        };
        Ok((dataset, StepCheck::done_if(is_done)))
    }

    fn unpack(&self, step: &ImageStep) -> Result<(), Failure> {
        let (dataset, _) = self.image(step)?;
        let contents = self.real.contents(&step.pool);
        contents.destroy(&dataset, os_storage::DestroyScope::Recursive)?;
        if step.to == Presence::Present {
            contents.create(&dataset, &[])?;
            contents.snapshot(&layout::image_snapshot(&dataset)?)?;
        }
        Ok(())
    }

    /// The same as the real check, which reads the mount table.
    fn check_mark(&self, step: &PoolMarkStep) -> Result<StepCheck, Failure> {
        if !is_open(&self.real.paths().pool(&step.pool)) {
            return Ok(match step.to {
                Presence::Absent => StepCheck::Done,
                Presence::Present => StepCheck::Conflict("it is closed".into()),
            });
        }
        self.real.learn_scope(&step.pool)?;
        let folder = self.real.scopes.folder(&step.pool);
        mark::check(&folder, self.real.identity(), step.to)
    }

    fn carry_out(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        match step {
            Step::Run(step) => self.run(step)?,
            Step::Freeze(step) => {
                let what = step.to.pick(FROZEN, RUNS);
                self.say(&step.pool, &step.container, Some(what));
            }
            Step::Guest(step) => self.tell(step)?,
            Step::Image(step) => self.unpack(step)?,
            Step::PoolRunning(step) => {
                let mut known = self.known.lock().unwrap();
                match step.to {
                    Presence::Present => known.insert(step.pool.clone()),
                    Presence::Absent => known.remove(&step.pool),
                };
                drop(known);
                return kind(&Step::PoolRunning(step.clone())).apply(&self.real, context);
            }
            other => return kind(other).apply(&self.real, context),
        }
        Ok(Outcome::Changed)
    }
}

impl Host for PlainHost {
    fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let way = if context.is_way_back() {
            Way::Back
        } else {
            Way::There
        };
        self.cuts.cut_on(way, &format!("in: {step}"));
        let _effect = self.cuts.effect();
        match self.check(step)? {
            StepCheck::Done => {
                kind(step).note_done(&self.real);
                Ok(Outcome::Unchanged)
            }
            StepCheck::Conflict(found) => {
                let text = format!("cannot {step}: {found}");
                Err(Failure::new(Code::Conflict, text))
            }
            StepCheck::Ready => {
                let outcome = self.carry_out(step, context);
                self.cuts.note_effect();
                outcome
            }
        }
    }

    fn check(&self, step: &Step) -> Result<StepCheck, Failure> {
        match step {
            Step::Run(step) => self.check_run(step),
            Step::Freeze(step) => Ok(self.check_freeze(step)),
            Step::Guest(_) => Ok(StepCheck::Ready),
            Step::Image(step) => self.image(step).map(|(_, check)| check),
            Step::PoolMark(step) => self.check_mark(step),
            other => self.real.check(other),
        }
    }

    fn complete(&self, plan: &Plan) -> Result<(), Failure> {
        self.cuts.cut_on(Way::There, "complete");
        self.real.complete(plan)
    }

    fn check_undo(&self, plan: &Plan) -> Result<(), Failure> {
        self.real.check_undo(plan)
    }

    fn reserve(&self, plan: &Plan) -> Result<Reservation, Failure> {
        self.real.reserve(plan)
    }
}
