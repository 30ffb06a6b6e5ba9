//! What the steps about a pool as a whole have in common.

use std::path::{Path, PathBuf};

use os_core::layout;
use os_core::plan::{ACTIVE_PROPERTY, DATASET_PROPERTY};
use os_core::state::PoolState;
use os_engine::{Outcome, StepContext};
use os_storage::{Change, PoolError, PoolPlace, PoolSource, PoolStatus, PoolView, Takeover};
use os_types::{AttrKey, Code, DatasetName, Explain, Failure, PoolName};

use super::{LinuxHost, mark, source};

impl LinuxHost {
    pub(super) fn status(
        &self,
        pool: &PoolName,
        source: &PoolSource,
    ) -> Result<PoolStatus, Failure> {
        self.pools()
            .status(&self.place(pool), source)
            .map_err(failed(pool))
    }

    /// Looks at a pool that is mounted read-only at no place; the directory of its scoped dataset.
    pub(super) fn inspect(
        &self,
        pool: &PoolName,
        view: &dyn PoolView,
        force: bool,
        installed: bool,
    ) -> Result<PathBuf, Failure> {
        let own = DatasetName::from(pool);
        let place = PoolPlace {
            name: pool.clone(),
            mountpoint: view.folder(&own)?,
        };
        let properties = self.properties(pool, &place)?;
        if installed && properties.active.as_deref() != Some("yes") {
            let text = format!("the file system of pool {pool} is not installed as a pool");
            return Err(Failure::new(Code::NotAPool, text)
                .about(format!("pool {pool}"))
                .next(format!("osctl pool install {pool}")));
        }
        let folder = view.folder(properties.scope.as_ref().unwrap_or(&own))?;
        if !force {
            mark::inspect(pool, &folder, self.identity())?;
        }
        check_schema(&folder)?;
        Ok(folder)
    }

    fn properties(&self, pool: &PoolName, place: &PoolPlace) -> Result<Properties, Failure> {
        let contents = self.pools().contents(place);
        let properties = contents.properties(&DatasetName::from(pool))?;
        let mut properties = properties.unwrap_or_default();
        let mut take = |name: &str| {
            name.parse::<AttrKey>()
                .ok()
                .and_then(|key| properties.remove(&key))
        };
        let active = take(ACTIVE_PROPERTY);
        let scope = take(DATASET_PROPERTY)
            .map(|scope| scope.parse::<DatasetName>())
            .transpose()?;
        Ok(Properties { active, scope })
    }

    pub(super) fn learn_scope(&self, pool: &PoolName) -> Result<(), Failure> {
        let scope = self.properties(pool, &self.place(pool))?.scope;
        self.scopes
            .set(pool, scope.unwrap_or_else(|| DatasetName::from(pool)));
        Ok(())
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
    pub(super) fn peek<T>(
        &self,
        pool: &PoolName,
        source: &PoolSource,
        mut look: impl FnMut(&dyn PoolView) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut seen = Err(Failure::new(Code::Internal, "the pool was not inspected"));
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
            Err(error) => Err(failed(pool)(error)),
        }
    }

    /// Tells in what state a pool is from now on.
    pub(super) fn announce(&self, pool: &PoolName, state: os_api::view::PoolState) {
        let pool = pool.clone();
        self.news.tell(os_api::EventBody::Pool { pool, state });
    }

    /// Makes the datasets and directories of a pool that are missing: the scoped dataset with what is
    /// above it, and what is right below.
    pub(super) fn lay_out(&self, pool: &PoolName) -> Result<(), Failure> {
        let (scope, contents) = (self.scopes.dataset(pool), self.contents(pool));
        let above = std::iter::successors(Some(scope.clone()), DatasetName::parent);
        let mut wanted: Vec<DatasetName> = above.collect();
        wanted.reverse();
        for name in layout::DATASETS {
            wanted.push(scope.join(name)?);
        }
        for dataset in wanted {
            if !contents.exists(&dataset)? {
                contents.create(&dataset, &[])?;
            }
        }
        mark::make_folders(&self.scopes.folder(pool))
    }

    /// The configuration of a pool that is being imported: what `pool-prepare` of this operation has read,
    /// or its files if a daemon before this one did that step, or an export is taken back.
    pub(super) fn prepared(
        &self,
        pool: &PoolName,
        context: &StepContext<'_>,
    ) -> Result<PoolState, Failure> {
        if let Some(kept) = self.importing.kept(context.operation(), pool) {
            return Ok(kept);
        }
        self.learn_scope(pool)?;
        self.load(pool)
    }

    /// What the files of an open pool say.
    pub(super) fn load(&self, pool: &PoolName) -> Result<PoolState, Failure> {
        let (dataset, folder) = (self.scopes.dataset(pool), self.scopes.folder(pool));
        Ok(PoolState::load_dir(&dataset, &folder)?)
    }
}

/// The failure of an operation on a pool. What the inspection refused comes out as it went in.
pub(super) fn failed(pool: &PoolName) -> impl Fn(PoolError) -> Failure {
    move |error| match error {
        PoolError::Refused { source, .. } if source.is::<Failure>() => {
            *source.downcast().expect("checked in the guard")
        }
        PoolError::NotFound { .. } => Failure::from(error)
            .about(format!("pool {pool}"))
            .next(format!("osctl pool import --source PATH {pool}")),
        error => Failure::from(error).about(format!("pool {pool}")),
    }
}

pub(super) fn outcome(change: Change) -> Outcome {
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
pub(super) fn check_schema(folder: &Path) -> Result<(), Failure> {
    use os_core::document::PoolDoc;
    let loaded = os_store::document::load::<PoolDoc>(&folder.join(layout::POOL_CONFIG));
    match loaded {
        Err(error) if error.code() == Code::PoolSchema => Err(error.into()),
        // Damage is reported when the pool is in use: then its entities can be inspected.
        _ => Ok(()),
    }
}
