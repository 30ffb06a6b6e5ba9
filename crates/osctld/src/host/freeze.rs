//! Containers that are frozen.

use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::FreezeStep;
use os_types::{ContainerRef, ContainerState, Failure, Presence};

use super::{HostStep, LinuxHost, guest};

impl HostStep for FreezeStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let container = ContainerRef::new(&self.pool, &self.container);
        let live = host.runtime().container(&container);
        Ok(match (live.map(|live| live.state), self.to) {
            // A stopped container is not frozen, and it cannot be frozen either.
            (Some(ContainerState::Frozen), Presence::Present)
            | (Some(ContainerState::Running) | None, Presence::Absent) => StepCheck::Done,
            (None, Presence::Present) => StepCheck::Conflict("it does not run".to_owned()),
            _ => StepCheck::Ready,
        })
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let container = ContainerRef::new(&self.pool, &self.container);
        match self.to {
            Presence::Present => host.runtime().freeze(&container)?,
            Presence::Absent => {
                host.runtime().thaw(&container)?;
                guest::write_pending(host, &container, context)?;
            }
        }
        Ok(Outcome::Changed)
    }
}
