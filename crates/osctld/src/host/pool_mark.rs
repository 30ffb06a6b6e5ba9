//! The mark of this host on an open pool.

use os_engine::{Outcome, StepCheck, StepContext};
use os_sys::MountTable;
use os_types::step::PoolMarkStep;
use os_types::{Failure, Presence};

use super::{HostStep, LinuxHost, mark};

impl HostStep for PoolMarkStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let pool = &self.pool;
        if MountTable::read()?.at(&host.paths().pool(pool)).is_none() {
            return Ok(match self.to {
                // Closed: the mark was removed before it was closed, or it is not accessible.
                Presence::Absent => StepCheck::Done,
                Presence::Present => StepCheck::Conflict(format!("pool {pool} is closed")),
            });
        }
        // The scope may have been set since the pool was opened, or by a daemon before this one.
        host.learn_scope(pool)?;
        mark::check(&host.scopes.folder(pool), host.identity(), self.to)
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        if self.to == Presence::Present {
            host.lay_out(&self.pool)?;
        }
        mark::write(&host.scopes.folder(&self.pool), host.identity(), self.to)?;
        Ok(Outcome::Changed)
    }
}
