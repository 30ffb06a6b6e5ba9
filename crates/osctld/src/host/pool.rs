//! The steps about pools as a whole.

use os_api::EventBody;
use os_api::view::PoolState as Stage;
use os_core::layout;
use os_core::state::PoolState;
use os_engine::{Outcome, Readiness, StepContext};
use os_storage::{
    Change, NewImage, PoolError, PoolPlace, PoolSource, PoolStatus, PoolView, Takeover,
};
use os_store::atomic::{self, Attributes};
use os_sys::MountTable;
use os_types::plan::JournalPlace;
use os_types::{AttrKey, Code, DatasetName, Failure, PoolName, Presence, Step, chain};

use super::{Steps, dataset, fail, mark, source};

/// The property that says a file system is a pool of ours.
const ACTIVE: &str = "org.vpsadminos.osctl:active";
/// The property that names the scoped dataset.
const SCOPE: &str = "org.vpsadminos.osctl:dataset";

impl Steps {
    pub(super) fn look_image(
        &self,
        pool: &PoolName,
        file: &std::path::Path,
        to: Presence,
    ) -> Result<Readiness, Failure> {
        let status = self.status(pool, &PoolSource::Image(file.to_path_buf()))?;
        Ok(match (status, to) {
            (PoolStatus::Missing, Presence::Absent) => Readiness::Done,
            (PoolStatus::Open { .. }, Presence::Absent) => {
                Readiness::Conflict(format!("pool {pool} is open"))
            }
            (PoolStatus::Missing, Presence::Present) | (_, Presence::Absent) => Readiness::Ready,
            // Never taken over, not even if it looks like this pool: the way back from a failed
            // operation destroys what the operation made, and nothing else.
            (_, Presence::Present) => {
                Readiness::Conflict(format!("{} exists already", file.display()))
            }
        })
    }

    pub(super) fn make_image(
        &self,
        pool: &PoolName,
        file: &std::path::Path,
        image: NewImage,
        to: Presence,
    ) -> Result<Outcome, Failure> {
        let (place, source) = (self.place(pool), PoolSource::Image(file.to_path_buf()));
        let changed = match to {
            Presence::Present => {
                self.make_image_folder(file)?;
                self.pools().create(&place, &source, Some(image))
            }
            Presence::Absent => {
                // Whatever the link says: what is no pool, or is open on another host, stays.
                if self.status(pool, &source)? == PoolStatus::Closed {
                    self.peek(pool, &source, |view| self.inspect(pool, view, false, false))?;
                }
                self.pools().destroy(&place, &source)
            }
        };
        changed
            .map(outcome)
            .map_err(|error| fail::pool(pool, &error))
    }

    /// The folder for images that nobody chose.
    fn make_image_folder(&self, file: &std::path::Path) -> Result<(), Failure> {
        let folder = self.paths().state().join("images");
        if file.starts_with(&folder) {
            atomic::create_dir(&folder, Attributes::mode(0o700))
                .map_err(|error| fail::file(&error))?;
        }
        Ok(())
    }

    fn status(&self, pool: &PoolName, source: &PoolSource) -> Result<PoolStatus, Failure> {
        self.pools()
            .status(&self.place(pool), source)
            .map_err(|error| fail::pool(pool, &error))
    }

    pub(super) fn look_open(&self, pool: &PoolName, to: Presence) -> Result<Readiness, Failure> {
        let link = self.paths().source(pool);
        let Some(path) = source::read(&link)? else {
            return Ok(match to {
                Presence::Absent => Readiness::Done,
                Presence::Present => {
                    Readiness::Conflict(format!("this host does not know a pool {pool}"))
                }
            });
        };
        let status = self.status(pool, &source::kind(path))?;
        Ok(match (status, to) {
            (PoolStatus::Closed | PoolStatus::Missing, Presence::Absent) => Readiness::Done,
            // Also a pool that is open: its scope may not be known yet.
            _ => Readiness::Ready,
        })
    }

    /// Opens a pool that no other host has open.
    pub(super) fn open(
        &self,
        pool: &PoolName,
        force: bool,
        installed: bool,
    ) -> Result<Outcome, Failure> {
        let source = source::of(&self.paths().source(pool), pool)?;
        let mut inspect = |view: &dyn PoolView| {
            let result = self.inspect(pool, view, force, installed);
            result.map(drop).map_err(Into::into)
        };
        let takeover = if force {
            Takeover::Force
        } else {
            Takeover::Refuse
        };
        let change = self
            .pools()
            .open(&self.place(pool), &source, takeover, &mut inspect)
            .map_err(|error| fail::pool(pool, &error))?;
        self.learn_scope(pool)?;
        Ok(outcome(change))
    }

    /// Looks at a pool that is mounted read-only at no place; the folder of its scoped dataset.
    fn inspect(
        &self,
        pool: &PoolName,
        view: &dyn PoolView,
        force: bool,
        installed: bool,
    ) -> Result<std::path::PathBuf, Failure> {
        let look = |dataset: &DatasetName| {
            let folder = view.folder(dataset);
            folder.map_err(|error| fail::storage(&error))
        };
        let own = DatasetName::from(pool);
        let place = PoolPlace {
            name: pool.clone(),
            mountpoint: look(&own)?,
        };
        let properties = self.properties(pool, &place)?;
        if installed && properties.active.as_deref() != Some("yes") {
            let text = format!("the file system of pool {pool} is not installed as a pool");
            return Err(Failure::new(Code::NotAPool, text)
                .about(format!("pool {pool}"))
                .next(format!("osctl pool install {pool}")));
        }
        let folder = look(properties.scope.as_ref().unwrap_or(&own))?;
        if !force {
            mark::inspect(pool, &folder, self.identity())?;
        }
        check_schema(&folder)?;
        Ok(folder)
    }

    fn properties(&self, pool: &PoolName, place: &PoolPlace) -> Result<Properties, Failure> {
        let contents = self.pools().contents(place);
        let properties = dataset::properties(&*contents, &DatasetName::from(pool))?;
        let mut properties = properties.unwrap_or_default();
        let mut take = |name: &str| {
            name.parse::<AttrKey>()
                .ok()
                .and_then(|key| properties.remove(&key))
        };
        let active = take(ACTIVE);
        let scope = take(SCOPE)
            .map(|scope| scope.parse::<DatasetName>())
            .transpose()?;
        Ok(Properties { active, scope })
    }

    pub(super) fn look_mark(&self, pool: &PoolName, to: Presence) -> Result<Readiness, Failure> {
        let mounts = MountTable::read().map_err(|error| Failure::new(Code::Step, chain(&error)))?;
        if mounts.at(&self.paths().pool(pool)).is_none() {
            return Ok(match to {
                // Closed: the mark was removed before it was closed, or nobody can reach it.
                Presence::Absent => Readiness::Done,
                Presence::Present => Readiness::Conflict(format!("pool {pool} is closed")),
            });
        }
        // The scope may have been set since the pool was opened, or by a daemon before this one.
        self.learn_scope(pool)?;
        mark::look(&self.scopes.folder(pool), self.identity(), to)
    }

    pub(super) fn mark(&self, pool: &PoolName, to: Presence) -> Result<(), Failure> {
        if to == Presence::Present {
            self.lay_out(pool)?;
        }
        mark::go(&self.scopes.folder(pool), self.identity(), to)
    }

    fn learn_scope(&self, pool: &PoolName) -> Result<(), Failure> {
        let scope = self.properties(pool, &self.place(pool))?.scope;
        self.scopes
            .set(pool, scope.unwrap_or_else(|| DatasetName::from(pool)));
        Ok(())
    }

    pub(super) fn close(&self, pool: &PoolName) -> Result<Outcome, Failure> {
        let source = source::of(&self.paths().source(pool), pool)?;
        let change = self
            .pools()
            .close(&self.place(pool), &source)
            .map_err(|error| fail::pool(pool, &error))?;
        self.scopes.forget(pool);
        Ok(outcome(change))
    }

    /// Whether this host had the pool open when it was last seen: it is open, or carries our mark.
    pub(crate) fn is_ours(&self, pool: &PoolName) -> Result<bool, Failure> {
        let source = source::of(&self.paths().source(pool), pool)?;
        if let PoolStatus::Open { .. } = self.status(pool, &source)? {
            return Ok(true);
        }
        let mark = self.peek(pool, &source, |view| {
            mark::read(&self.inspect(pool, view, true, true)?)
        })?;
        Ok(mark.is_some_and(|mark| mark.host_id == self.identity().host_id))
    }

    /// Looks at a pool that is closed and leaves it closed.
    fn peek<T>(
        &self,
        pool: &PoolName,
        source: &PoolSource,
        mut look: impl FnMut(&dyn PoolView) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut seen = Err(Failure::new(Code::Internal, "nobody looked at the pool"));
        // An inspection that refuses leaves everything as it was.
        let mut inspect = |view: &dyn PoolView| {
            seen = look(view);
            Err(Failure::new(Code::PoolState, "only looking").into())
        };
        let place = self.place(pool);
        let opened = self
            .pools()
            .open(&place, source, Takeover::Refuse, &mut inspect);
        match opened {
            Err(PoolError::Refused { .. }) | Ok(_) => seen,
            Err(error) => Err(fail::pool(pool, &error)),
        }
    }

    pub(super) fn look_active(&self, pool: &PoolName, to: Presence) -> Readiness {
        match (self.state().pool(pool).is_some(), to) {
            (true, Presence::Present) => Readiness::Done,
            (false, Presence::Absent) if !self.paths().pool_run(pool).exists() => Readiness::Done,
            _ => Readiness::Ready,
        }
    }

    pub(super) fn activate(
        &self,
        pool: &PoolName,
        context: &StepContext<'_>,
    ) -> Result<(), Failure> {
        self.news.tell(EventBody::Pool {
            pool: pool.clone(),
            state: Stage::Importing,
        });
        let _importing = self.importing.enter(pool);
        self.learn_scope(pool)?;
        let (dataset, folder) = (self.scopes.dataset(pool), self.scopes.folder(pool));
        self.lay_out(pool)?;
        sweep(&folder.join("conf"));
        context.recover(&JournalPlace::Pool { pool: pool.clone() })?;

        let mut loaded = self.load(pool)?;
        if let Some(failure) = loaded.too_new() {
            return Err(failure.clone());
        }
        for step in layout::missing_defaults(&loaded) {
            self.make_default(&step, &mut loaded)?;
        }
        for failure in loaded.failures() {
            tracing::warn!(%pool, %failure, "disabled");
        }
        // The last thing that an import writes: if it is there, then a daemon before this one left
        // the pool in use, and who is registered stays as it is. Otherwise everybody is registered,
        // also if an import died in the middle.
        let run = self.paths().pool_run(pool);
        let scope = run.join(layout::SCOPE_FILE);
        let in_use = scope.exists();
        for folder in [run.clone(), run.join("users"), run.join("containers")] {
            atomic::create_dir(&folder, Attributes::mode(layout::RUN_MODE))
                .map_err(|error| fail::file(&error))?;
        }
        // Before anybody sees the pool: what runs is never listed as stopped.
        self.find_running(&loaded)?;
        let changed = self.cache.change(|state| state.insert(loaded));
        self.news.changed(changed);
        self.register_all(pool, in_use)?;
        atomic::replace(&scope, dataset.as_str().as_bytes(), Attributes::mode(0o444))
            .map_err(|error| fail::file(&error))?;
        self.news.tell(EventBody::Pool {
            pool: pool.clone(),
            state: Stage::Active,
        });
        Ok(())
    }

    /// Makes the datasets and folders of a pool that are missing: the scoped dataset with what is
    /// above it, and what is right below.
    fn lay_out(&self, pool: &PoolName) -> Result<(), Failure> {
        let (scope, contents) = (self.scopes.dataset(pool), self.contents(pool));
        let above = std::iter::successors(Some(scope.clone()), DatasetName::parent);
        let mut wanted: Vec<DatasetName> = above.collect();
        wanted.reverse();
        for name in layout::DATASETS {
            wanted.push(scope.join(name)?);
        }
        for dataset in wanted {
            if !dataset::exists(&*contents, &dataset)? {
                contents
                    .create(&dataset, &[])
                    .map_err(|error| fail::storage(&error))?;
            }
        }
        mark::make_folders(&self.scopes.folder(pool))
    }

    fn make_default(&self, step: &Step, loaded: &mut PoolState) -> Result<(), Failure> {
        match step {
            Step::Directory { path, mode, to } => super::folder::go(&self.locate(path), *mode, *to),
            Step::File { path, after, .. } => {
                super::file::go(&self.locate(path), after.as_deref())?;
                loaded.apply_file(path.relative(), after.as_deref());
                Ok(())
            }
            other => Err(Failure::new(
                Code::Internal,
                format!("not a default: {other}"),
            )),
        }
    }

    /// What the files of an open pool say.
    pub(super) fn load(&self, pool: &PoolName) -> Result<PoolState, Failure> {
        let (dataset, folder) = (self.scopes.dataset(pool), self.scopes.folder(pool));
        PoolState::load_dir(&dataset, &folder).map_err(|error| Failure::from(&error))
    }

    pub(super) fn deactivate(&self, pool: &PoolName, keep_users: bool) -> Result<(), Failure> {
        self.news.tell(EventBody::Pool {
            pool: pool.clone(),
            state: Stage::Disabled,
        });
        let changed = self.cache.change(|state| state.remove(pool));
        self.news.changed(changed);
        self.runtime.forget_pool(pool);
        if !keep_users {
            self.unregister_all(pool)?;
        }
        super::cgroup::forget(self.runtime.cgroups(), pool);
        remove_tree(&self.paths().pool_run(pool))?;
        self.news.tell(EventBody::Pool {
            pool: pool.clone(),
            state: Stage::Exported,
        });
        Ok(())
    }

    pub(super) fn reload(&self, pool: &PoolName) -> Result<(), Failure> {
        let loaded = self.load(pool)?;
        let changed = self.cache.change(|state| state.insert(loaded));
        self.news.changed(changed);
        self.register_all(pool, true)
    }
}

fn outcome(change: Change) -> Outcome {
    if change.is_change() {
        Outcome::Changed
    } else {
        Outcome::Unchanged
    }
}

/// The properties of a pool's own dataset that concern us.
struct Properties {
    active: Option<String>,
    scope: Option<DatasetName>,
}

/// Refuses a pool whose settings a newer version wrote.
fn check_schema(folder: &std::path::Path) -> Result<(), Failure> {
    use os_core::document::PoolDoc;
    use os_store::document::{Fault, LoadError};
    let loaded = os_store::document::load::<PoolDoc>(&folder.join(layout::POOL_CONFIG));
    match &loaded {
        Err(
            error @ LoadError::Document {
                error: document, ..
            },
        ) if matches!(document.fault, Fault::TooNew { .. }) => {
            Err(Failure::new(Code::PoolSchema, chain(error)))
        }
        // Damage is told when the pool is in use: then its entities can be looked at.
        _ => Ok(()),
    }
}

/// Removes temporary files that a crash left in `folder` and below: folders of groups are as deep as
/// their names, and one that is not empty could not be removed.
fn sweep(folder: &std::path::Path) {
    match atomic::sweep(folder) {
        Ok(0) => {}
        Ok(count) => tracing::info!(?folder, count, "removed temporary files"),
        Err(error) => tracing::warn!(error = chain(&error), "cannot remove temporary files"),
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&entry.path());
        }
    }
}

/// Removes a folder of the run folder, where only root writes.
fn remove_tree(folder: &std::path::Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let text = format!("cannot remove {}: {error}", folder.display());
            Err(Failure::new(Code::Step, text))
        }
        _ => Ok(()),
    }
}
