//! The locks that an operation takes while its steps run.

use std::sync::{Mutex, PoisonError};

use os_types::{EntityRef, Failure, Plan};
use tokio::runtime::Handle;

use super::{Claimant, LockSet, LockTable};
use crate::control::Control;
use crate::request::Strength;

/// Locks for single steps of an operation, on the threads that apply them.
#[derive(Debug)]
pub(crate) struct StepLocks {
    table: LockTable,
    claimant: Claimant,
    runtime: Handle,
    /// The pools that the operation holds exclusively.
    pools: Vec<EntityRef>,
    host: Mutex<Option<LockSet>>,
}

impl StepLocks {
    /// Must be called within a tokio runtime. `host` is the lock of the host if it is held already.
    pub(crate) fn new(
        table: &LockTable,
        claimant: &Claimant,
        plan: &Plan,
        host: Option<LockSet>,
    ) -> Self {
        let is_pool = |entity: &&EntityRef| matches!(entity, EntityRef::Pool { .. });
        Self {
            table: table.clone(),
            // An operation that has begun is never refused: it would have to be taken back, or, on
            // its way back, would leave things half done.
            claimant: Claimant {
                is_bounded: false,
                ..claimant.clone()
            },
            runtime: Handle::current(),
            pools: plan.touches.iter().filter(is_pool).cloned().collect(),
            host: Mutex::new(host),
        }
    }

    /// Locks the host, unless this operation has it. The holders keep it for milliseconds.
    pub(crate) fn take_host(&self, control: &Control) -> Result<(), Failure> {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if host.is_none() {
            let set = self.table.acquire_one(&EntityRef::Host, &self.claimant)?;
            *host = Some(self.runtime.block_on(set.all(control))?);
        }
        Ok(())
    }

    /// Releases the host, if this operation has it.
    pub(crate) fn release_host(&self) {
        let host = self.host.lock();
        drop(host.unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Locks a container on a pool that the operation holds. An urgent operation on the container
    /// cancels `control`.
    pub(crate) fn take(
        &self,
        container: &EntityRef,
        control: &Control,
    ) -> Result<LockSet, Failure> {
        let claimant = Claimant {
            strength: Strength::Yielding,
            cancellation: control.cancellation.clone(),
            ..self.claimant.clone()
        };
        let set = self.table.acquire_one(container, &claimant)?;
        self.runtime.block_on(set.all(control))
    }

    /// Lets urgent operations touch containers on pools that this operation holds exclusively.
    pub(crate) fn open_pools(&self) {
        self.table.open(&self.pools);
    }

    /// Has the pools for this operation alone again.
    pub(crate) fn close_pools(&self) {
        self.runtime.block_on(self.table.close(&self.pools));
    }
}
