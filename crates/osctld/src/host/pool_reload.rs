//! The configuration of a pool in use, read again.

use os_engine::{Outcome, StepCheck, StepContext};
use os_types::Failure;
use os_types::step::PoolReloadStep;

use super::{HostStep, LinuxHost};

impl HostStep for PoolReloadStep {
    /// Nothing to do for a pool that is not loaded: its import reads the files. After a crash, recovery runs before
    /// pools are imported. A pool loaded by this step would count as imported, although its journal is not open and
    /// its running containers are unknown.
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let is_loaded = host.state().pool(&self.pool).is_some();
        Ok(StepCheck::done_if(!is_loaded))
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let loaded = host.load(&self.pool)?;
        host.take_in(loaded);
        host.register_all(&self.pool)?;
        Ok(Outcome::Changed)
    }
}
