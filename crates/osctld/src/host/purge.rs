//! Datasets of the trash and of the image cache that are destroyed with their data.

use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::Extent;
use os_types::step::PurgeStep;
use os_types::{Failure, Presence};

use super::{HostStep, LinuxHost};

impl HostStep for PurgeStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let exists = host.contents_of(&self.dataset).exists(&self.dataset)?;
        Ok(StepCheck::of_presence(exists, Presence::Absent))
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let contents = host.contents_of(&self.dataset);
        contents.destroy(&self.dataset, Extent::Recursive)?;
        Ok(Outcome::Changed)
    }
}
