//! Pools that are being imported at this moment, and the configuration that their imports have read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use os_core::PoolState;
use os_types::{OpId, PoolName};

/// The pools.
///
/// `pool-prepare` keeps the configuration here that it has read, for the steps of the same operation that
/// follow it at once. The operation has the lock of the pool, so no other one writes the files between
/// these steps. What an administrator edits by hand at that moment is treated like an edit right after the
/// import: `pool reload` reads it.
#[derive(Debug, Default)]
pub(crate) struct Importing(Mutex<BTreeMap<PoolName, Option<Kept>>>);

/// What an operation has read.
#[derive(Debug)]
struct Kept {
    operation: OpId,
    pool: PoolState,
}

impl Importing {
    /// The pools, by name.
    pub(crate) fn now(&self) -> BTreeSet<PoolName> {
        self.lock().keys().cloned().collect()
    }

    /// Whether this pool is one of them.
    pub(crate) fn contains(&self, pool: &PoolName) -> bool {
        self.lock().contains_key(pool)
    }

    /// From now on the pool counts as being imported. Drops what was kept.
    pub(crate) fn begin(&self, pool: &PoolName) {
        self.lock().insert(pool.clone(), None);
    }

    /// Keeps the configuration of a pool for later steps of this operation, until its import ends.
    pub(super) fn keep(&self, operation: &OpId, pool: PoolState) {
        let name = pool.name().clone();
        let operation = operation.clone();
        self.lock().insert(name, Some(Kept { operation, pool }));
    }

    /// The configuration that this operation has kept. What another one kept is never returned: files may
    /// have changed since.
    pub(super) fn kept(&self, operation: &OpId, pool: &PoolName) -> Option<PoolState> {
        let pools = self.lock();
        let kept = pools.get(pool)?.as_ref();
        let kept = kept.filter(|kept| kept.operation == *operation)?;
        Some(kept.pool.clone())
    }

    /// The import has ended. Drops what was kept.
    pub(crate) fn end(&self, pool: &PoolName) {
        self.lock().remove(pool);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PoolName, Option<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
