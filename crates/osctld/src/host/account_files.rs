//! The account files of this host, written again from what is registered, and the file of remembered
//! ids if it could not be written.

use os_engine::{Outcome, StepContext};
use os_types::Failure;
use os_types::step::AccountFilesStep;

use super::{HostStep, LinuxHost};

impl HostStep for AccountFilesStep {
    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        host.accounts.rebuild()?;
        host.cache.save()?;
        Ok(Outcome::Changed)
    }
}
