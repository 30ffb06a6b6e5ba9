//! The configuration of a pool in use, read again.

use os_engine::{Outcome, StepContext};
use os_types::Failure;
use os_types::step::PoolReloadStep;

use super::{HostStep, LinuxHost};

impl HostStep for PoolReloadStep {
    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let loaded = host.load(&self.pool)?;
        host.take_in(loaded);
        host.register_all(&self.pool)?;
        Ok(Outcome::Changed)
    }
}
