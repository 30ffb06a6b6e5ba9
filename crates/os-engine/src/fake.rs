//! A world in memory that steps are applied to, and a daemon on top of it that can die.
//!
//! Files and datasets are durable, accounts are not: a power loss takes them away.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use os_types::plan::JournalPlace;
use os_types::step::{DatasetStep, FileStep, PoolLoadStep, RunStep, SystemUserStep};
use os_types::{
    Code, EntityRef, Failure, Parallel, Plan, PoolName, PoolPath, Presence, StartPolicy, Step,
    StopPolicy,
};

use crate::fault::Action;
use crate::{
    DEADLINE, Engine, FaultPlan, Faults, Host, Identity, JournalDirs, Limits, OperationRequest,
    Outcome, Reservation, Setup, StepCheck, StepContext, Strength,
};

/// What exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) datasets: BTreeSet<String>,
    pub(crate) accounts: BTreeSet<String>,
    pub(crate) running: BTreeSet<String>,
}

/// What the steps of tests meet besides the world.
#[derive(Debug, Default)]
struct State {
    world: World,
    /// Steps whose text contains this fail.
    broken: Option<String>,
    /// Steps whose text contains this panic.
    panicking: Option<String>,
    /// Steps whose text contains this wait until it is taken away.
    gate: Option<String>,
    /// Steps whose text contains this wait until they are cancelled.
    waits: Option<String>,
    /// Steps that are waiting at the gate or being applied now, and the most at any one time.
    active: usize,
    most_active: usize,
    /// How many are being applied on each object.
    on_object: HashMap<String, usize>,
    applied: Vec<String>,
    /// The daemon dies: steps that are in progress do nothing any more.
    is_dead: bool,
    /// Files that a removal has put out of use, if removals are deferred to the end.
    out_of_use: Option<BTreeSet<String>>,
    /// The accounts that operations on their way have reserved.
    reserved: BTreeSet<String>,
    /// The pool is in the memory of the daemon.
    is_loaded: bool,
    /// Where the step that prepares a pool recovers.
    recovers: Option<JournalPlace>,
}

/// The host of tests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fake(Arc<(Mutex<State>, Condvar)>);

impl Fake {
    pub(crate) fn world(&self) -> World {
        self.0.0.lock().unwrap().world.clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.0.0.lock().unwrap().world);
    }

    pub(crate) fn break_at(&self, text: Option<&str>) {
        self.0.0.lock().unwrap().broken = text.map(str::to_owned);
    }

    /// Lets steps only put a file out of use that they remove, until the plan is completed.
    pub(crate) fn defer_removals(&self) {
        self.0.0.lock().unwrap().out_of_use = Some(BTreeSet::new());
    }

    /// The files that are out of use, but still there.
    pub(crate) fn out_of_use(&self) -> BTreeSet<String> {
        self.0.0.lock().unwrap().out_of_use.clone().unwrap()
    }

    fn panic_in(&self, place: &str) {
        let is_hit = self.0.0.lock().unwrap().panicking.as_deref() == Some(place);
        assert!(!is_hit, "the host has a bug");
    }

    pub(crate) fn panic_at(&self, text: &str) {
        self.0.0.lock().unwrap().panicking = Some(text.to_owned());
    }

    pub(crate) fn recover_at(&self, place: JournalPlace) {
        self.0.0.lock().unwrap().recovers = Some(place);
    }

    /// Shuts the gate for steps whose text contains `text`, or opens it.
    pub(crate) fn gate(&self, text: Option<&str>) {
        self.0.0.lock().unwrap().gate = text.map(str::to_owned);
        self.0.1.notify_all();
    }

    /// Lets steps whose text contains `text` wait until they are cancelled.
    pub(crate) fn wait_at(&self, text: Option<&str>) {
        self.0.0.lock().unwrap().waits = text.map(str::to_owned);
    }

    /// Waits until a step whose text contains `text` has been applied.
    pub(crate) async fn until_applied(&self, text: &str) {
        let has_it = || self.applied().iter().any(|step| step.contains(text));
        until("a step that is applied", has_it).await;
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.0.0.lock().unwrap().is_loaded
    }

    pub(crate) fn applied(&self) -> Vec<String> {
        self.0.0.lock().unwrap().applied.clone()
    }

    /// Waits, on a thread of its own, until `count` steps are being applied.
    pub(crate) async fn until_active(&self, count: usize) {
        let fake = self.clone();
        let waiting = tokio::task::spawn_blocking(move || {
            let (state, changed) = &*fake.0;
            let state = state.lock().unwrap();
            let limit = Duration::from_secs(20);
            let (state, wait) = changed
                .wait_timeout_while(state, limit, |state| state.active < count)
                .unwrap();
            assert!(!wait.timed_out(), "{} of {count} steps run", state.active);
        });
        waiting.await.unwrap();
    }

    pub(crate) fn most_active(&self) -> usize {
        self.0.0.lock().unwrap().most_active
    }
}

impl State {
    fn readiness(&self, step: &Step) -> StepCheck {
        let World {
            files,
            datasets,
            accounts,
            running,
        } = &self.world;
        match step {
            Step::File(step) => {
                let found = files.get(step.path.relative());
                let ends = [step.before.as_ref(), step.after.as_ref()];
                StepCheck::of_value(found, ends, || format!("it holds {found:?}"))
            }
            Step::Dataset(step) => {
                StepCheck::of_presence(datasets.contains(step.dataset.as_str()), step.to)
            }
            Step::SystemUser(step) => {
                StepCheck::of_presence(accounts.contains(step.user.as_str()), step.to)
            }
            Step::Run(step) => {
                StepCheck::of_presence(running.contains(step.container.as_str()), step.to)
            }
            Step::PoolPrepare(_) | Step::AccountFiles(_) => StepCheck::Ready,
            Step::PoolLoad(step) => StepCheck::of_presence(self.is_loaded, step.to),
            other => panic!("no such step in the fake world: {other}"),
        }
    }

    fn put(&mut self, step: &Step) {
        let place = |set: &mut BTreeSet<String>, to: Presence, name: &str| match to {
            Presence::Present => set.insert(name.to_owned()),
            Presence::Absent => set.remove(name),
        };
        let world = &mut self.world;
        match step {
            Step::File(step) => {
                let name = step.path.relative().to_owned();
                match &step.after {
                    Some(text) => world.files.insert(name, text.clone()),
                    None => world.files.remove(&name),
                };
            }
            Step::Dataset(step) => drop(place(&mut world.datasets, step.to, step.dataset.as_str())),
            Step::Run(step) => drop(place(&mut world.running, step.to, step.container.as_str())),
            Step::PoolLoad(step) => self.is_loaded = step.to == Presence::Present,
            Step::SystemUser(step) => drop(place(&mut world.accounts, step.to, step.user.as_str())),
            _ => {}
        }
    }
}

impl Host for Fake {
    fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let text = step.to_string();
        let object = text.rsplit(' ').next().unwrap().to_owned();
        let hit = |trap: &Option<String>| trap.as_ref().is_some_and(|trap| text.contains(trap));
        let (lock, changed) = &*self.0;
        let mut state = lock.lock().unwrap();
        state.active += 1;
        state.most_active = state.most_active.max(state.active);
        let users = state.on_object.entry(object.clone()).or_default();
        *users += 1;
        assert_eq!(*users, 1, "{object} is changed by two at once");
        changed.notify_all();
        let is_held = |state: &mut State| !state.is_dead && hit(&state.gate);
        let mut state = changed.wait_while(state, is_held).unwrap();
        if state.is_dead {
            drop(state);
            std::panic::resume_unwind(Box::new(Killed));
        }
        if hit(&state.waits) {
            drop(state);
            context.progress("waiting");
            // A hang-up is the only end of this pipe.
            let ended = context.cancellation().wake_up().unwrap().read(&mut [0]);
            state = lock.lock().unwrap();
            state.active -= 1;
            *state.on_object.get_mut(&object).unwrap() -= 1;
            assert_eq!(ended.unwrap(), 0);
            let reason = context.cancellation().reason().unwrap();
            let text = format!("{reason} before it could be applied");
            return Err(Failure::new(Code::Cancelled, text));
        }
        state.active -= 1;
        *state.on_object.get_mut(&object).unwrap() -= 1;
        if let (Some(place), Step::PoolPrepare(_)) = (state.recovers.take(), step) {
            drop(state);
            context.recover(&place)?;
            return Ok(Outcome::Changed);
        }
        if hit(&state.panicking) {
            drop(state);
            panic!("the step has a bug");
        }
        if let (Some(out_of_use), Step::File(step)) = (&mut state.out_of_use, step) {
            let name = step.path.relative();
            if step.after.is_some() {
                out_of_use.remove(name);
            } else if !context.is_way_back() {
                out_of_use.insert(name.to_owned());
                return Ok(Outcome::Changed);
            }
        }
        match state.readiness(step) {
            StepCheck::Done => Ok(Outcome::Unchanged),
            StepCheck::Ready if hit(&state.broken) => {
                let text = format!("cannot {step}: it is broken");
                Err(Failure::new(Code::Step, text))
            }
            StepCheck::Conflict(found) => Err(Failure::new(Code::Conflict, found)),
            StepCheck::Ready => {
                state.put(step);
                state.applied.push(text);
                Ok(Outcome::Changed)
            }
        }
    }

    fn complete(&self, plan: &Plan) -> Result<(), Failure> {
        self.panic_in("complete");
        let mut state = self.0.0.lock().unwrap();
        if state.out_of_use.is_some() {
            for step in plan.steps.iter().filter(|step| step.is_deferred()) {
                state.put(step);
            }
            state.out_of_use = Some(BTreeSet::new());
        }
        Ok(())
    }

    fn reserve(&self, plan: &Plan) -> Result<Reservation, Failure> {
        self.panic_in("reserve");
        let names = plan.steps.iter().filter_map(|step| match step {
            Step::SystemUser(step) if step.to == Presence::Present => Some(step.user.to_string()),
            _ => None,
        });
        let names: BTreeSet<_> = names.collect();
        let reserved = &mut self.0.0.lock().unwrap().reserved;
        if let Some(name) = names.intersection(reserved).next() {
            return Err(Failure::new(Code::Overlap, format!("{name} is reserved")));
        }
        reserved.extend(names.iter().cloned());
        Ok(Some(Box::new(Reserved(self.clone(), names))))
    }

    fn check(&self, step: &Step) -> Result<StepCheck, Failure> {
        Ok(self.0.0.lock().unwrap().readiness(step))
    }
}

struct Reserved(Fake, BTreeSet<String>);

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut state = self.0.0.0.lock().unwrap();
        state.reserved.retain(|name| !self.1.contains(name));
    }
}

/// A machine: a world and a disk, which outlive the daemon.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) host: Fake,
    pub(crate) disk: tempfile::TempDir,
    pub(crate) boot: u32,
    pub(crate) limits: Limits,
}

#[derive(Debug)]
struct Folders(PathBuf);

impl JournalDirs for Folders {
    fn dir(&self, place: &JournalPlace) -> Option<PathBuf> {
        let name = match place {
            JournalPlace::Pool { pool } => pool.as_str(),
            JournalPlace::Host => "host",
            JournalPlace::Run => "run",
        };
        (name != "closed").then(|| self.0.join(name))
    }

    fn open(&self) -> Vec<JournalPlace> {
        vec![tank(), JournalPlace::Host, JournalPlace::Run]
    }
}

/// What dying throws.
struct Killed;

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            host: Fake::default(),
            disk: tempfile::tempdir().unwrap(),
            boot: 1,
            limits: Limits::default(),
        }
    }

    /// Starts a daemon.
    pub(crate) fn start(&self, faults: &str) -> Engine<Fake> {
        let plan: FaultPlan = faults.parse().unwrap();
        let host = self.host.clone();
        host.0.0.lock().unwrap().is_dead = false;
        host.0.0.lock().unwrap().is_loaded = false;
        host.0.0.lock().unwrap().on_object.clear();
        // Unwinding ends the thread of the operation where it stands, and the test starts another
        // daemon on the same world. That prints nothing, unlike a panic.
        let die = move |action: Action| match action {
            Action::Kill => {
                host.0.0.lock().unwrap().is_dead = true;
                host.0.1.notify_all();
                std::panic::resume_unwind(Box::new(Killed))
            }
            other => panic!("{other:?} is of no use here"),
        };
        Engine::new(Setup {
            host: self.host.clone(),
            journals: Box::new(Folders(self.disk.path().to_owned())),
            identity: Identity {
                boot: self.boot.to_string(),
                host: "testhost".to_owned(),
            },
            faults: Faults::new(plan, Arc::new(die)),
            limits: self.limits,
        })
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.disk.path().join(relative)
    }

    /// The journals that are still there.
    pub(crate) fn open_journals(&self) -> Vec<PathBuf> {
        crate::journal::list(&self.path("tank/open")).unwrap()
    }
}

impl Drop for Machine {
    /// A test that fails ends: its runtime would wait for what is at the gate.
    fn drop(&mut self) {
        if let Ok(mut state) = self.host.0.0.lock() {
            state.gate = None;
        }
        self.host.0.1.notify_all();
    }
}

pub(crate) fn pool() -> PoolName {
    "tank".parse().unwrap()
}

pub(crate) fn tank() -> JournalPlace {
    JournalPlace::Pool { pool: pool() }
}

pub(crate) fn user(name: &str) -> EntityRef {
    EntityRef::User {
        pool: pool(),
        name: name.parse().unwrap(),
    }
}

/// The pool itself, and not what is on it.
pub(crate) fn whole() -> EntityRef {
    EntityRef::Pool { pool: pool() }
}

pub(crate) fn file(name: &str, before: Option<&str>, after: Option<&str>) -> Step {
    Step::File(FileStep {
        path: PoolPath::new(&pool(), name).unwrap(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    })
}

/// Makes a file that holds its own name.
pub(crate) fn create(name: &str) -> Step {
    file(name, None, Some(name))
}

pub(crate) fn account(name: &str, to: Presence) -> Step {
    Step::SystemUser(SystemUserStep {
        pool: pool(),
        user: name.parse().unwrap(),
        to,
    })
}

/// Starts or stops a container.
pub(crate) fn container(name: &str, to: Presence) -> Step {
    Step::Run(RunStep {
        pool: pool(),
        container: name.parse().unwrap(),
        start: StartPolicy::default(),
        stop: StopPolicy::kill(),
        to,
    })
}

/// A request whose steps `first` to `first + count - 1` run side by side.
pub(crate) fn parallel(request: OperationRequest, group: Parallel) -> OperationRequest {
    let mut plan = (request.planner)().unwrap().plan;
    plan.parallel.push(group);
    OperationRequest {
        planner: Arc::new(move || Ok(plan.clone().into())),
        ..request
    }
}

/// Takes the pool into the memory of the daemon, or out of it.
pub(crate) fn loaded(to: Presence) -> Step {
    Step::PoolLoad(PoolLoadStep { pool: pool(), to })
}

pub(crate) fn destroy(dataset: &str) -> Step {
    Step::Dataset(DatasetStep {
        dataset: dataset.parse().unwrap(),
        to: Presence::Absent,
    })
}

/// A request about the users of these names.
pub(crate) fn work(users: &[&str], steps: Vec<Step>) -> OperationRequest {
    work_on(users.iter().map(|name| user(name)).collect(), steps)
}

/// A request about these entities.
pub(crate) fn work_on(touches: Vec<EntityRef>, steps: Vec<Step>) -> OperationRequest {
    let plan = Plan {
        steps,
        touches: touches.clone(),
        journal: tank(),
        parallel: Vec::new(),
    };
    OperationRequest {
        command: "test".to_owned(),
        cli: "osctl test".to_owned(),
        uid: 0,
        pid: 4711,
        touches,
        deadline: DEADLINE,
        strength: Strength::Normal,
        slot: None,
        undoes: None,
        planner: Arc::new(move || Ok(plan.clone().into())),
    }
}

/// Longer than any test may take.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// Lets others run until `is_so`.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(LONG, waiting).await;
    assert!(waited.is_ok(), "waited in vain for {what}");
}
