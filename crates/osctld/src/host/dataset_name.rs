//! Renamed datasets: of containers that get another name, or go to the trash.

use os_engine::{Outcome, StepCheck, StepContext};
use os_types::Failure;
use os_types::step::DatasetNameStep;

use super::{HostStep, LinuxHost};

impl HostStep for DatasetNameStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let Self { before, after } = self;
        let contents = host.contents_of(before);
        let found = (contents.exists(before)?, contents.exists(after)?);
        Ok(match found {
            (false, true) => StepCheck::Done,
            (true, false) => StepCheck::Ready,
            (true, true) => StepCheck::Conflict(format!("{after} exists already")),
            (false, false) => StepCheck::Conflict(format!("{before} does not exist")),
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let contents = host.contents_of(&self.before);
        contents.rename(&self.before, &self.after)?;
        Ok(Outcome::Changed)
    }
}
