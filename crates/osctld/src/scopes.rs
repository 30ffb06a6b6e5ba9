//! Which dataset of a pool everything of osctl is below, and where journals are therefore.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use os_core::layout;
use os_engine::JournalDirs;
use os_types::plan::JournalPlace;
use os_types::{DatasetName, PoolName};

use crate::paths::Paths;

/// The scoped datasets of open pools.
#[derive(Debug)]
pub(crate) struct Scopes {
    paths: Paths,
    open: Mutex<BTreeMap<PoolName, DatasetName>>,
}

impl Scopes {
    pub(crate) fn new(paths: Paths) -> Self {
        Self {
            paths,
            open: Mutex::default(),
        }
    }

    /// Remembers the scope of an open pool.
    pub(crate) fn set(&self, pool: &PoolName, dataset: DatasetName) {
        self.lock().insert(pool.clone(), dataset);
    }

    /// Forgets a pool that is being closed.
    pub(crate) fn forget(&self, pool: &PoolName) {
        self.lock().remove(pool);
    }

    /// The scoped dataset of a pool, if it is known.
    pub(crate) fn known(&self, pool: &PoolName) -> Option<DatasetName> {
        self.lock().get(pool).cloned()
    }

    /// The scoped dataset of a pool; the pool's own one unless something else is known.
    pub(crate) fn dataset(&self, pool: &PoolName) -> DatasetName {
        self.known(pool).unwrap_or_else(|| DatasetName::from(pool))
    }

    /// The directory that everything of osctl on a pool is below.
    pub(crate) fn folder(&self, pool: &PoolName) -> PathBuf {
        layout::dataset_folder(self.paths.root(), &self.dataset(pool))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PoolName, DatasetName>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Journals: on the pool, in the host's state directory, in the runtime directory.
#[derive(Debug)]
pub(crate) struct Journals(pub(crate) Arc<Scopes>);

impl JournalDirs for Journals {
    fn dir(&self, place: &JournalPlace) -> Option<PathBuf> {
        match place {
            JournalPlace::Host => Some(self.0.paths.state().join("journal")),
            JournalPlace::Run => Some(self.0.paths.run().join("journal")),
            JournalPlace::Pool { pool } => {
                let dataset = self.0.known(pool)?;
                Some(layout::dataset_folder(self.0.paths.root(), &dataset).join("journal"))
            }
        }
    }

    fn open(&self) -> Vec<JournalPlace> {
        let open = self.0.lock();
        let pools = open.keys().cloned();
        let pools = pools.map(|pool| JournalPlace::Pool { pool });
        [JournalPlace::Host, JournalPlace::Run]
            .into_iter()
            .chain(pools)
            .collect()
    }
}
