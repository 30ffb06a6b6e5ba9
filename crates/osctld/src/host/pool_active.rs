//! Taking pools into use in one step, as operations of earlier versions do whose journals are open.

use os_engine::{Host as _, Outcome, StepCheck, StepContext};
use os_types::step::PoolActiveStep;
use os_types::{Failure, Presence};

use super::{HostStep, LinuxHost};

impl HostStep for PoolActiveStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let is_loaded = host.state().pool(&self.pool).is_some();
        Ok(StepCheck::done_if(match self.to {
            Presence::Present => is_loaded,
            Presence::Absent => {
                let is_importing = host.importing.contains(&self.pool);
                !is_loaded && !is_importing && !host.paths().pool_run(&self.pool).exists()
            }
        }))
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        for step in self.steps() {
            host.apply(&step, context)?;
        }
        Ok(Outcome::Changed)
    }
}
