//! The account files of this host, written again from what is registered.

use os_engine::{Outcome, StepContext};
use os_types::Failure;
use os_types::step::AccountFilesStep;

use super::{HostStep, LinuxHost};

impl HostStep for AccountFilesStep {
    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        host.accounts.rebuild()?;
        Ok(Outcome::Changed)
    }
}
