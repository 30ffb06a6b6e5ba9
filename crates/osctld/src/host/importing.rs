//! Pools that are being imported at this moment, for listings.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use os_types::PoolName;

/// The pools.
#[derive(Debug, Default)]
pub(crate) struct Importing(Mutex<BTreeSet<PoolName>>);

impl Importing {
    /// The pools, by name.
    pub(crate) fn now(&self) -> BTreeSet<PoolName> {
        self.lock().clone()
    }

    /// From now on the pool counts as being imported.
    pub(crate) fn begin(&self, pool: &PoolName) {
        self.lock().insert(pool.clone());
    }

    /// The import has ended.
    pub(crate) fn end(&self, pool: &PoolName) {
        self.lock().remove(pool);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PoolName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
