//! Datasets that a container begins with.

use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::DestroyScope;
use os_types::step::DatasetStep;
use os_types::{Failure, Presence};

use super::{HostStep, LinuxHost};

impl HostStep for DatasetStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let exists = host.contents_of(&self.dataset).exists(&self.dataset)?;
        Ok(StepCheck::of_presence(exists, self.to))
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let contents = host.contents_of(&self.dataset);
        match self.to {
            Presence::Present => contents.create(&self.dataset, &[])?,
            Presence::Absent => contents.destroy(&self.dataset, DestroyScope::Only)?,
        };
        Ok(Outcome::Changed)
    }
}
