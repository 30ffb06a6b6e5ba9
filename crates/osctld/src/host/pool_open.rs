//! Pools that are attached and mounted at their place.

use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::{PoolStatus, PoolView, Takeover};
use os_types::step::PoolOpenStep;
use os_types::{Failure, Presence};

use super::pool::{failed, outcome};
use super::{HostStep, LinuxHost, source};

impl HostStep for PoolOpenStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let pool = &self.pool;
        let Some(path) = source::read(&host.paths().source(pool))? else {
            return Ok(match self.to {
                Presence::Absent => StepCheck::Done,
                Presence::Present => {
                    StepCheck::Conflict(format!("this host does not know a pool {pool}"))
                }
            });
        };
        let status = host.status(pool, &source::kind(path))?;
        Ok(match (status, self.to) {
            (PoolStatus::Closed | PoolStatus::Missing, Presence::Absent) => StepCheck::Done,
            // Also a pool that is open: its scope may not be known yet.
            _ => StepCheck::Ready,
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let pool = &self.pool;
        let (place, source) = (
            host.place(pool),
            source::of(&host.paths().source(pool), pool)?,
        );
        let change = match self.to {
            Presence::Present => {
                let mut inspect = |view: &dyn PoolView| {
                    let result = host.inspect(pool, view, self.force, self.installed);
                    result.map(drop).map_err(Into::into)
                };
                let takeover = if self.force {
                    Takeover::Force
                } else {
                    Takeover::Refuse
                };
                host.pools().open(&place, &source, takeover, &mut inspect)
            }
            Presence::Absent => host.pools().close(&place, &source),
        };
        let outcome = change.map(outcome).map_err(failed(pool))?;
        match self.to {
            Presence::Present => host.learn_scope(pool)?,
            Presence::Absent => host.scopes.forget(pool),
        }
        Ok(outcome)
    }
}
