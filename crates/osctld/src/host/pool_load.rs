//! Configuration of pools in memory. Ids belong to the users of a pool from its load to its unload.

use os_api::view::PoolState as Stage;
use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::PoolLoadStep;
use os_types::{Failure, Presence};

use super::{HostStep, LinuxHost};

impl HostStep for PoolLoadStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let is_loaded = host.state().pool(&self.pool).is_some();
        Ok(StepCheck::of_presence(is_loaded, self.to))
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let pool = &self.pool;
        match self.to {
            Presence::Present => {
                let loaded = host.prepared(pool, context);
                let loaded = loaded.inspect_err(|_| host.importing.end(pool))?;
                for failure in loaded.failures() {
                    tracing::warn!(%pool, %failure, "disabled");
                }
                host.take_in(loaded);
            }
            Presence::Absent => {
                let changed = host.cache.change(|state| state.remove(pool));
                host.news.changed(changed);
            }
        }
        host.importing.end(pool);
        host.announce(pool, self.to.pick(Stage::Active, Stage::Disabled));
        Ok(Outcome::Changed)
    }
}
