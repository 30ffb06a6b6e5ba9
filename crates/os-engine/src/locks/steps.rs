//! The locks that an operation takes while its steps run.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use os_types::{EntityRef, Failure};
use tokio::runtime::Handle;

use super::{Claimant, LockSet, LockTable};
use crate::control::Control;

/// Locks for single steps of an operation, on the threads that apply them.
#[derive(Debug)]
pub(crate) struct StepLocks {
    table: LockTable,
    claimant: Claimant,
    runtime: Handle,
    host: Mutex<Option<LockSet>>,
}

impl StepLocks {
    /// Must be called within a tokio runtime. `host` is the lock of the host if it is held already.
    pub(crate) fn new(table: &LockTable, claimant: &Claimant, host: Option<LockSet>) -> Self {
        Self {
            table: table.clone(),
            claimant: claimant.clone(),
            runtime: Handle::current(),
            host: Mutex::new(host),
        }
    }

    /// Locks the host, unless this operation has it. The holders keep it for milliseconds.
    pub(crate) fn take_host(&self, control: &Control) -> Result<(), Failure> {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if host.is_none() {
            let wanted = BTreeSet::from([EntityRef::Host]);
            let set = self.table.acquire(&wanted, &self.claimant)?;
            *host = Some(self.runtime.block_on(set.all(control))?);
        }
        Ok(())
    }

    /// Releases the host, if this operation has it.
    pub(crate) fn release_host(&self) {
        drop(
            self.host
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}
