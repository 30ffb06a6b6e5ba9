//! Where this host finds a pool: the step that changes it.

use os_engine::{Outcome, StepCheck, StepContext};
use os_store::atomic;
use os_types::Failure;
use os_types::step::PoolSourceStep;

use super::{HostStep, LinuxHost, source};

impl HostStep for PoolSourceStep {
    /// A host that forgets where a pool is forgets the ids of its users, too.
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let link = host.paths().source(&self.pool);
        let found = source::read(&link)?;
        let ends = [self.before.as_ref(), self.after.as_ref()];
        let conflict = || format!("{} leads to {found:?}", link.display());
        let state = host.state();
        let is_remembered = state.remembered().pools.contains_key(&self.pool);
        Ok(match StepCheck::of_value(found.as_ref(), ends, conflict) {
            StepCheck::Done if self.after.is_none() && is_remembered => StepCheck::Ready,
            check => check,
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let link = host.paths().source(&self.pool);
        match &self.after {
            Some(target) => atomic::symlink(&link, target)?,
            None => atomic::remove(&link)?,
        };
        if self.after.is_none() {
            let changed = host.cache.change(|state| state.forget(&self.pool));
            host.news.changed(changed);
        }
        Ok(Outcome::Changed)
    }
}
