//! What runs on a pool, found before the pool is listed: so nothing that runs is listed as stopped.

use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::PoolRunningStep;
use os_types::{Failure, PoolName, Presence};

use super::{HostStep, LinuxHost, cgroup};

impl HostStep for PoolRunningStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        Ok(match self.to {
            Presence::Present => StepCheck::done_if(host.state().pool(&self.pool).is_some()),
            // Control groups may be left although nothing runs.
            Presence::Absent => StepCheck::Ready,
        })
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let pool = &self.pool;
        match self.to {
            Presence::Present => {
                find(host, pool, context).inspect_err(|_| host.importing.end(pool))?;
            }
            Presence::Absent => {
                host.runtime.forget_pool(pool);
                cgroup::forget(host.runtime.cgroups(), pool);
            }
        }
        Ok(Outcome::Changed)
    }
}

fn find(host: &LinuxHost, pool: &PoolName, context: &StepContext<'_>) -> Result<(), Failure> {
    for target in host.stop_targets(&host.prepared(pool, context)?)? {
        host.runtime.recover(&target)?;
    }
    Ok(())
}
