//! The locks that an operation takes while its steps run.

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
}

impl StepLocks {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(table: &LockTable, claimant: &Claimant, plan: &Plan) -> Self {
        let is_pool = |entity: &&EntityRef| matches!(entity, EntityRef::Pool { .. });
        Self {
            table: table.clone(),
            // An operation that has begun is never refused: it would have to be taken back, or, on
            // its rollback, would leave things half done.
            claimant: Claimant {
                is_bounded: false,
                ..claimant.clone()
            },
            runtime: Handle::current(),
            pools: plan.touches.iter().filter(is_pool).cloned().collect(),
        }
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
    pub(crate) fn close_pools(&self) -> Result<(), Failure> {
        let control = Control::unstoppable();
        self.runtime
            .block_on(self.table.close(&self.pools, &control))
    }
}
