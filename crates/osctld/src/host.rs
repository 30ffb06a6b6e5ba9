//! This host, to which steps are applied: one file a kind of step.
//!
//! Each kind has a function that *looks* where the object of a step is (ready, done, conflict) and
//! one that *goes* to the far end. [`Steps::apply`] is the two in a row, so a repeated step costs a
//! look and a step that does not fit touches nothing.

mod accounts;
mod cgroup;
mod container_spec;
mod dataset;
mod facts;
pub(crate) mod fail;
mod file;
mod folder;
mod foreign;
mod guest;
mod id_blocks;
mod identities;
mod image;
mod importing;
pub(crate) mod mark;
mod pool;
pub(crate) mod probe;
pub(crate) mod run;
pub(crate) mod source;
mod storage;
mod user;

#[cfg(test)]
mod root_steps;

use std::sync::Arc;

use os_api::EventBody;
use os_core::State;
use os_engine::{Host, Outcome, Readiness, StepContext};
use os_runtime::{Runtime, Setup};
use os_storage::{NewImage, PoolContents, PoolPlace, Pools};
use os_store::atomic::{self, Attributes};
use os_types::id_table::Allocation;
use os_types::{
    Code, ContainerRef, EntityRef, Failure, FileSystem, IdRangeName, Plan, PoolName, PoolPath,
    Presence, Step,
};

use crate::cache::Cache;
use crate::identity::Identity;
use crate::news::News;
use crate::paths::Paths;
use crate::scopes::{Journals, Scopes};
use accounts::Registry;
use dataset::Edit;
use foreign::Foreign;
use importing::Importing;
use user::Pending;

/// The host.
#[derive(Debug)]
pub(crate) struct Steps {
    paths: Paths,
    identity: Identity,
    scopes: Arc<Scopes>,
    cache: Cache,
    pools: Box<dyn Pools>,
    accounts: Registry,
    identities: identities::Identities,
    foreign: Foreign,
    pending: Pending,
    importing: Importing,
    runtime: Runtime,
    news: News,
}

impl Steps {
    /// The host below the root of `paths`; makes the folders that have to be there.
    pub(crate) fn new(paths: Paths, scopes: Arc<Scopes>, news: News) -> Result<Self, Failure> {
        let folders = [(paths.run().join("pools"), 0o711), (paths.sources(), 0o700)];
        for (folder, mode) in folders {
            atomic::create_dir_all(&folder, Attributes::mode(mode))
                .map_err(|error| fail::file(&error))?;
        }
        atomic::sweep(&paths.sources()).map_err(|error| fail::file(&error))?;
        let events = news.clone();
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
        })?;
        Ok(Self {
            identity: Identity::read(&paths.etc(), &paths.state())?,
            accounts: Registry::read(&paths.etc())?,
            foreign: Foreign::new(&paths.etc()),
            pending: Pending::default(),
            importing: Importing::default(),
            pools: Box::new(os_storage::Backends::new(Arc::new(
                os_cmd::HostRunner::new(),
            ))),
            cache: Cache::read(&paths.state().join("ids.toml")),
            identities: identities::Identities::default(),
            runtime,
            paths,
            scopes,
            news,
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

    /// Removes the mark that a guest wants to be started again; whether it was there.
    pub(crate) fn take_reboot_request(&self, container: &ContainerRef) -> bool {
        let ContainerRef { pool, name } = container;
        let run = os_core::layout::container_run_folder(&self.paths.run(), pool, name);
        self.runtime.take_reboot_request(&run).unwrap_or(false)
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

    /// A path of a plan as a path on the host.
    fn locate(&self, path: &PoolPath) -> std::path::PathBuf {
        path.below(&self.scopes.folder(path.pool()))
    }
}

impl Host for Steps {
    fn verify(&self, plan: &Plan) -> Result<(), Failure> {
        self.verify_ids(plan)
    }

    fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        match self.check(step)? {
            Readiness::Done => Ok(Outcome::Unchanged),
            Readiness::Conflict(found) => Err(Failure::new(
                Code::Conflict,
                format!("cannot {step}: {found}"),
            )),
            Readiness::Ready => {
                tracing::debug!(operation = %context.operation(), %step, "go");
                self.go(step, context)
            }
        }
    }

    fn check(&self, step: &Step) -> Result<Readiness, Failure> {
        match step {
            Step::Directory { path, mode, to } => folder::look(&self.locate(path), *mode, *to),
            Step::File {
                path,
                before,
                after,
            } => file::look(&self.locate(path), before.as_deref(), after.as_deref()),
            Step::Dataset { dataset, to } | Step::Clone { dataset, to, .. } => {
                dataset::look(&*self.contents(&dataset.pool()), dataset, *to)
            }
            Step::DatasetName { before, after } => {
                image::look_rename(&*self.contents(&before.pool()), before, after)
            }
            Step::Purge { dataset } => image::look_purge(&*self.contents(&dataset.pool()), dataset),
            Step::Image { to, .. } => self.look_cached(&cached(step)?, *to),
            Step::Run {
                pool,
                container,
                stop,
                to,
                ..
            } => self.look_run(pool, container, stop, *to),
            Step::Freeze {
                pool,
                container,
                to,
            } => Ok(self.look_freeze(pool, container, *to)),
            Step::Property { dataset, .. } => {
                dataset::look_property(&*self.contents(&dataset.pool()), &edit(step)?)
            }
            Step::IdBlocks {
                pool, range, to, ..
            } => id_blocks::look(&self.locate(&range_path(pool, range)?), &blocks(step)?, *to),
            Step::SystemUser { pool, user, to } => self.look_user(pool, user, *to),
            Step::Cgroup { path, to } => cgroup::look(self.runtime.cgroups(), path, *to),
            Step::Process { cgroup, to, .. } => {
                cgroup::look_process(self.runtime.cgroups(), cgroup, *to)
            }
            Step::PoolImage { pool, file, to, .. } => self.look_image(pool, file, *to),
            Step::PoolSource {
                pool,
                before,
                after,
            } => self.look_source(pool, before.as_deref(), after.as_deref()),
            Step::PoolOpen { pool, to, .. } => self.look_open(pool, *to),
            Step::PoolMark { pool, to } => self.look_mark(pool, *to),
            Step::PoolActive { pool, to, .. } => Ok(self.look_active(pool, *to)),
            Step::Guest { .. } | Step::PoolReload { .. } | Step::AccountFiles {} => {
                Ok(Readiness::Ready)
            }
        }
    }
}

impl Steps {
    /// Goes to the far end of a step that is ready. An image and an open pool only the storage can
    /// tell whether they are at the far end: it answers what it changed.
    fn go(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        match step {
            Step::PoolImage {
                pool,
                file,
                size,
                file_system,
                to,
            } => {
                let image = NewImage {
                    size: *size,
                    file_system: file_system.unwrap_or(FileSystem::Btrfs),
                };
                self.make_image(pool, file, image, *to)
            }
            Step::PoolOpen {
                pool,
                force,
                installed,
                to: Presence::Present,
            } => self.open(pool, *force, *installed),
            Step::PoolOpen { pool, .. } => self.close(pool),
            changes => self.change(changes, context).map(|()| Outcome::Changed),
        }
    }

    fn change(&self, step: &Step, context: &StepContext<'_>) -> Result<(), Failure> {
        match step {
            Step::Directory { path, mode, to } => folder::go(&self.locate(path), *mode, *to),
            Step::File { path, after, .. } => {
                file::go(&self.locate(path), after.as_deref())?;
                self.learn(path, after.as_deref());
                Ok(())
            }
            Step::Dataset { dataset, to } => {
                dataset::go(&*self.contents(&dataset.pool()), dataset, *to)
            }
            Step::Property { dataset, .. } => {
                dataset::set_property(&*self.contents(&dataset.pool()), &edit(step)?)
            }
            Step::IdBlocks {
                pool, range, to, ..
            } => {
                let path = range_path(pool, range)?;
                if let Some(text) = id_blocks::go(&self.locate(&path), &blocks(step)?, *to)? {
                    self.learn(&path, Some(&text));
                }
                Ok(())
            }
            Step::SystemUser { pool, user, to } => self.register(pool, user, *to),
            Step::Cgroup { path, to } => cgroup::go(self.runtime.cgroups(), path, *to),
            Step::Process { cgroup, argv, to } => {
                cgroup::go_process(self.runtime.cgroups(), cgroup, argv, *to)
            }
            Step::AccountFiles {} => self.accounts.change(|_| ()),
            others => self.go_container(others, context),
        }
    }

    fn go_container(&self, step: &Step, context: &StepContext<'_>) -> Result<(), Failure> {
        match step {
            Step::DatasetName { before, after } => {
                let renamed = self.contents(&before.pool()).rename(before, after);
                renamed.map(drop).map_err(|error| fail::storage(&error))
            }
            Step::Clone {
                origin,
                dataset,
                to,
            } => image::clone(&*self.contents(&dataset.pool()), origin, dataset, *to),
            Step::Purge { dataset } => image::purge(&*self.contents(&dataset.pool()), dataset),
            Step::Image { to, .. } => self.cache_image(&cached(step)?, *to, context),
            Step::Run {
                pool,
                container,
                start,
                stop,
                to,
            } => {
                let container = ContainerRef::new(pool, container);
                self.run(&container, (*start, stop), *to, context)
            }
            Step::Freeze {
                pool,
                container,
                to,
            } => self.freeze(pool, container, *to),
            Step::Guest {
                pool,
                container,
                before,
                after,
            } => {
                self.dress((pool, container), (before, after), context);
                Ok(())
            }
            pools => self.go_pool(pools, context),
        }
    }

    fn go_pool(&self, step: &Step, context: &StepContext<'_>) -> Result<(), Failure> {
        match step {
            Step::PoolSource { pool, after, .. } => self.set_source(pool, after.as_deref()),
            Step::PoolMark { pool, to } => self.mark(pool, *to),
            Step::PoolActive {
                pool,
                to: Presence::Present,
                ..
            } => self.activate(pool, context),
            Step::PoolActive {
                pool, keep_users, ..
            } => self.deactivate(pool, *keep_users),
            Step::PoolReload { pool } => self.reload(pool),
            other => Err(Failure::new(
                Code::Internal,
                format!("nobody applies {other}"),
            )),
        }
    }

    /// Takes a written file into the state in memory.
    fn learn(&self, path: &PoolPath, text: Option<&str>) {
        let changed = self.cache.change(|state| state.apply_file(path, text));
        self.news.changed(changed);
    }
}

fn range_path(pool: &PoolName, range: &IdRangeName) -> Result<PoolPath, Failure> {
    let entity = EntityRef::IdRange {
        pool: pool.clone(),
        name: range.clone(),
    };
    let relative = os_core::layout::config_path(&entity).unwrap_or_default();
    Ok(PoolPath::new(pool, relative)?)
}

/// The blocks a step is about.
fn blocks(step: &Step) -> Result<Allocation, Failure> {
    match step {
        Step::IdBlocks {
            index,
            count,
            owner,
            ..
        } => Ok(Allocation {
            block_index: *index,
            block_count: *count,
            owner: owner.clone(),
        }),
        other => Err(Failure::new(
            Code::Internal,
            format!("no blocks in {other}"),
        )),
    }
}

/// The image that a step is about.
fn cached(step: &Step) -> Result<image::Image<'_>, Failure> {
    match step {
        Step::Image {
            pool,
            digest,
            file,
            uid_map,
            gid_map,
            ..
        } => Ok(image::Image {
            pool,
            digest,
            file,
            uid_map,
            gid_map,
        }),
        other => Err(Failure::new(Code::Internal, format!("no image in {other}"))),
    }
}

/// The change of a property that a step is about.
fn edit(step: &Step) -> Result<Edit<'_>, Failure> {
    match step {
        Step::Property {
            dataset,
            name,
            before,
            after,
        } => Ok(Edit {
            dataset,
            name,
            before: before.as_deref(),
            after: after.as_deref(),
        }),
        other => Err(Failure::new(
            Code::Internal,
            format!("no property in {other}"),
        )),
    }
}
