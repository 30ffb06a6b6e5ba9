//! Renamed files and directories: what is named after a container that gets another name.

use std::fs::{self, File};
use std::path::Path;

use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::PathNameStep;
use os_types::{Code, Failure};

use super::{HostStep, LinuxHost};

impl HostStep for PathNameStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let exists = |path: &Path| path.symlink_metadata().is_ok();
        let (before, after) = (host.locate(&self.before), host.locate(&self.after));
        Ok(match (exists(&before), exists(&after)) {
            (false, _) => StepCheck::Done,
            (true, false) => StepCheck::Ready,
            (true, true) => StepCheck::Conflict(format!("{} exists already", after.display())),
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let (before, after) = (host.locate(&self.before), host.locate(&self.after));
        let renamed = fs::rename(&before, &after).and_then(|()| {
            let folders = [&before, &after]
                .into_iter()
                .filter_map(|path| path.parent());
            folders
                .map(File::open)
                .try_for_each(|folder| folder?.sync_all())
        });
        renamed.map_err(|error| {
            let text = format!(
                "cannot rename {} to {}: {error}",
                before.display(),
                after.display()
            );
            Failure::new(Code::Step, text)
        })?;
        Ok(Outcome::Changed)
    }
}
