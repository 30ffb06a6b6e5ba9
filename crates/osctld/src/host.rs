//! This host, to which steps are applied: one file a kind of step.
//!
//! Each kind *checks* where the object of a step is (ready, done, conflict) and *applies* the step,
//! that is, brings the object to the target state. [`LinuxHost::apply`] is the two in a row, so a repeated
//! step costs a check and a step that does not fit touches nothing.

mod account_files;
mod account_lines;
mod accounts;
mod cgroup;
mod clone;
mod container_spec;
mod dataset;
mod dataset_name;
mod directory;
pub(crate) mod facts;
mod file;
mod foreign;
mod freeze;
mod guest;
mod id_blocks;
mod identities;
mod image;
mod importing;
mod leftovers;
pub(crate) mod mark;
mod path_name;
mod pool;
mod pool_active;
mod pool_image;
mod pool_load;
mod pool_mark;
mod pool_open;
mod pool_prepare;
mod pool_reload;
mod pool_running;
mod pool_source;
mod pool_users;
pub(crate) mod probe;
pub(crate) mod probe_threads;
mod property;
mod purge;
mod removal;
mod reservation;
pub(crate) mod run;
pub(crate) mod source;
mod storage;
mod user;

#[cfg(test)]
mod crash_matrix;
#[cfg(test)]
mod root_steps;

use std::sync::{Arc, Mutex};

use os_api::EventBody;
use os_api::view::SourceKind;
use os_core::{Facts, State};
use os_engine::{Host, Outcome, Reservation, StepCheck, StepContext};
use os_runtime::{Runtime, Setup};
use os_storage::{PoolContents, PoolPlace, Pools};
use os_store::atomic::{self, Attributes};
use os_sys::Space;
use os_types::{ByteSize, Code, DatasetName, Failure, Plan, PoolName, PoolPath, Step};

use crate::cache::Cache;
use crate::identity::Identity;
use crate::news::News;
use crate::paths::Paths;
use crate::scopes::{Journals, Scopes};
use accounts::Registry;
use foreign::Foreign;
use importing::Importing;
use probe_threads::ProbeThreads;

/// User and group that own the home of an account, by its id.
type HomeOwner = fn(u32) -> (u32, u32);

/// What a host works with besides files: a test has other means.
struct Means {
    pools: Box<dyn Pools>,
    runtime: Arc<Runtime>,
    home_owner: HomeOwner,
}

/// The host.
#[derive(Debug)]
pub(crate) struct LinuxHost {
    paths: Paths,
    identity: Identity,
    scopes: Arc<Scopes>,
    cache: Arc<Cache>,
    ids: Mutex<()>,
    pools: Box<dyn Pools>,
    accounts: Registry,
    identities: identities::Identities,
    foreign: Foreign,
    importing: Importing,
    runtime: Arc<Runtime>,
    /// User and group that own the home of an account with these ids.
    home_owner: HomeOwner,
    news: News,
    /// Held while a pool gets its source.
    sources: Mutex<()>,
    /// What is at the sources of pools.
    source_probes: ProbeThreads<(SourceKind, ByteSize)>,
    /// Size and use of pools.
    space_probes: ProbeThreads<Option<Space>>,
}

impl LinuxHost {
    /// The host below the root of `paths`; makes the directories that have to be there.
    pub(crate) fn new(paths: Paths, scopes: Arc<Scopes>, news: News) -> Result<Self, Failure> {
        let (events, exits) = (news.clone(), news.clone());
        let runtime = Runtime::new(Setup {
            run_dir: paths.run(),
            etc: (paths.etc() != std::path::Path::new("/etc")).then(|| paths.etc()),
            cgroup_parent: paths.cgroup_parent(),
            listener: Box::new(move |container, state, init_pid| {
                events.tell(EventBody::Container {
                    pool: container.pool.clone(),
                    name: container.name.clone(),
                    state,
                    init_pid,
                });
            }),
            exited: Box::new(move |container, exit| {
                exits.tell(EventBody::ContainerExit {
                    pool: container.pool.clone(),
                    name: container.name.clone(),
                    exit,
                });
            }),
        })?;
        let means = Means {
            pools: Box::new(os_storage::Backends::new(Arc::new(
                os_cmd::HostRunner::new(),
            ))),
            runtime: Arc::new(runtime),
            home_owner: |ugid| (0, ugid),
        };
        Self::with(paths, scopes, news, means)
    }

    fn with(paths: Paths, scopes: Arc<Scopes>, news: News, means: Means) -> Result<Self, Failure> {
        let folders = [
            (paths.run().join("pools"), 0o711),
            (paths.daemon_hooks(), 0o700),
            (paths.sources(), 0o700),
        ];
        for (folder, mode) in folders {
            atomic::create_dir_all(&folder, Attributes::mode(mode))?;
        }
        atomic::sweep(&paths.sources())?;
        let Means {
            pools,
            runtime,
            home_owner,
        } = means;
        Ok(Self {
            identity: Identity::read(&paths.etc(), &paths.state())?,
            accounts: Registry::read(&paths.etc(), paths.run().join("pools"))?,
            foreign: Foreign::new(&paths.etc(), paths.run().join("pools")),
            importing: Importing::default(),
            pools,
            cache: Arc::new(Cache::read(&paths.state().join("ids.toml"))),
            ids: Mutex::default(),
            identities: identities::Identities::default(),
            runtime,
            home_owner,
            paths,
            scopes,
            news,
            sources: Mutex::default(),
            source_probes: ProbeThreads::default(),
            space_probes: ProbeThreads::default(),
        })
    }

    /// Where everything is.
    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The state of this moment.
    pub(crate) fn state(&self) -> Arc<State> {
        self.cache.now()
    }

    /// Where journals are.
    pub(crate) fn journals(&self) -> Journals {
        Journals(Arc::clone(&self.scopes))
    }

    /// Pools that are being imported.
    pub(crate) fn importing(&self) -> &Importing {
        &self.importing
    }

    /// Storage.
    pub(crate) fn pools(&self) -> &dyn Pools {
        &*self.pools
    }

    /// Control groups.
    pub(crate) fn cgroups(&self) -> &os_cgroup::Tree {
        self.runtime.cgroups()
    }

    /// What runs.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Which host this is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    fn place(&self, pool: &PoolName) -> PoolPlace {
        PoolPlace {
            name: pool.clone(),
            mountpoint: self.paths.pool(pool),
        }
    }

    fn contents(&self, pool: &PoolName) -> Box<dyn PoolContents> {
        self.pools.contents(&self.place(pool))
    }

    /// Storage of the pool that a dataset is on.
    fn contents_of(&self, dataset: &DatasetName) -> Box<dyn PoolContents> {
        self.contents(&dataset.pool())
    }

    /// Takes a written file into the state in memory.
    fn learn(&self, path: &PoolPath, text: Option<&str>) {
        let changed = self.cache.change(|state| state.apply_file(path, text));
        self.news.changed(changed);
    }

    /// A path of a plan as a path on the host.
    fn locate(&self, path: &PoolPath) -> std::path::PathBuf {
        path.below(&self.scopes.folder(path.pool()))
    }
}

/// How this host carries out one kind of step.
trait HostStep {
    /// Where the object of the step is; ready if there is no telling before.
    fn check(&self, _host: &LinuxHost) -> Result<StepCheck, Failure> {
        Ok(StepCheck::Ready)
    }

    /// Takes into memory that the object is in the target state already.
    fn note_done(&self, _host: &LinuxHost) {}

    /// Brings the object to the target state, after a check that found the step ready.
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure>;
}

/// The one list of all kinds: a kind without an implementation does not compile.
fn kind(step: &Step) -> &dyn HostStep {
    match step {
        Step::Directory(step) => step,
        Step::File(step) => step,
        Step::Dataset(step) => step,
        Step::PathName(step) => step,
        Step::DatasetName(step) => step,
        Step::Purge(step) => step,
        Step::Clone(step) => step,
        Step::Image(step) => step,
        Step::Property(step) => step,
        Step::IdBlocks(step) => step,
        Step::SystemUser(step) => step,
        Step::Run(step) => step,
        Step::Freeze(step) => step,
        Step::Guest(step) => step,
        Step::PoolImage(step) => step,
        Step::PoolSource(step) => step,
        Step::PoolOpen(step) => step,
        Step::PoolMark(step) => step,
        Step::PoolActive(step) => step,
        Step::PoolPrepare(step) => step,
        Step::PoolRunning(step) => step,
        Step::PoolLoad(step) => step,
        Step::PoolUsers(step) => step,
        Step::PoolReload(step) => step,
        Step::AccountFiles(step) => step,
    }
}

impl Host for LinuxHost {
    fn complete(&self, plan: &Plan) -> Result<(), Failure> {
        removal::complete(self, plan)
    }

    fn check_undo(&self, plan: &Plan) -> Result<(), Failure> {
        let facts = Facts {
            running: self.running(),
            ..self.facts()?
        };
        os_core::check_undo(plan, &self.state(), &facts)?;
        self.verify_ids(plan)
    }

    fn reserve(&self, plan: &Plan) -> Result<Reservation, Failure> {
        self.reserve_ids(plan)
    }

    fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        match self.check(step)? {
            StepCheck::Done => {
                kind(step).note_done(self);
                Ok(Outcome::Unchanged)
            }
            StepCheck::Conflict(found) => Err(Failure::new(
                Code::Conflict,
                format!("cannot {step}: {found}"),
            )),
            StepCheck::Ready => {
                tracing::debug!(operation = %context.operation(), %step, "apply");
                kind(step).apply(self, context)
            }
        }
    }

    fn check(&self, step: &Step) -> Result<StepCheck, Failure> {
        kind(step).check(self)
    }
}
