//! Datasets of the trash and of the image cache that are destroyed with their data, and the scripts
//! of deleted containers with them.

use std::path::PathBuf;

use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_storage::DestroyScope;
use os_types::step::PurgeStep;
use os_types::{Failure, Presence};

use super::{HostStep, LinuxHost, leftovers};

impl HostStep for PurgeStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let exists = hooks(host, self).is_some_and(|hooks| hooks.exists())
            || host.contents_of(&self.dataset).exists(&self.dataset)?;
        Ok(StepCheck::of_presence(exists, Presence::Absent))
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        if let Some(hooks) = hooks(host, self) {
            leftovers::remove_tree(&hooks)?;
        }
        let contents = host.contents_of(&self.dataset);
        if contents.exists(&self.dataset)? {
            contents.destroy(&self.dataset, DestroyScope::Recursive)?;
        }
        Ok(Outcome::Changed)
    }
}

/// The directory of the scripts of a container whose root in the trash is destroyed.
fn hooks(host: &LinuxHost, step: &PurgeStep) -> Option<PathBuf> {
    let pool = step.dataset.pool();
    let trash = host.scopes.dataset(&pool).join("trash").ok()?;
    let name = step.dataset.as_str().strip_prefix(trash.as_str())?;
    let name = name.strip_prefix('/').filter(|name| !name.contains('/'))?;
    let folder = host.scopes.folder(&pool);
    Some(folder.join(layout::trash_hook_folder(name)))
}
