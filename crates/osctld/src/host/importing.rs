//! Pools that are being imported at this moment, for listings.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use os_types::PoolName;

/// The pools.
#[derive(Debug, Default)]
pub(crate) struct Importing(Mutex<BTreeSet<PoolName>>);

/// While it lives, its pool counts as being imported.
#[derive(Debug)]
pub(crate) struct Import<'a> {
    importing: &'a Importing,
    pool: PoolName,
}

impl Importing {
    /// The pools, by name.
    pub(crate) fn now(&self) -> BTreeSet<PoolName> {
        self.lock().clone()
    }

    pub(crate) fn enter(&self, pool: &PoolName) -> Import<'_> {
        self.lock().insert(pool.clone());
        Import {
            importing: self,
            pool: pool.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PoolName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        self.importing.lock().remove(&self.pool);
    }
}
