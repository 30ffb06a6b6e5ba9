//! The users of a loaded pool, registered on this host.

use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::PoolUsersStep;
use os_types::{Code, Failure, Presence};

use super::{HostStep, LinuxHost};

impl HostStep for PoolUsersStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let pool = &self.pool;
        Ok(match self.to {
            Presence::Absent => {
                StepCheck::done_if(self.keep || host.registered(pool).next().is_none())
            }
            Presence::Present if host.state().pool(pool).is_none() => {
                StepCheck::Conflict("it is not loaded".to_owned())
            }
            Presence::Present => StepCheck::done_if(host.all_are_registered(pool)?),
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let pool = &self.pool;
        let changed = match self.to {
            Presence::Present => host.register_all(pool),
            Presence::Absent => host.unregister_all(pool),
        };
        match changed {
            // What is registered stays so, and the rest of the pool can be used. `healthcheck` tells.
            Err(failure) if self.to == Presence::Present && failure.code == Code::Damaged => {
                tracing::error!(%pool, %failure, "users are not registered");
            }
            other => other?,
        }
        Ok(Outcome::Changed)
    }
}
