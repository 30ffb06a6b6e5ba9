//! Freezing a group: its processes stay, and do nothing.

use std::time::Duration;

use super::Tree;
use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::path::CgroupPath;

impl Tree {
    /// Freezes everything in the group and below it, or lets it go on; returns when it is so.
    ///
    /// Version 2 does it in its core (`cgroup.freeze`); without it the freezer of version 1 does.
    ///
    /// # Errors
    /// [`CgroupError::NotFrozen`] if it does not come to pass in time: a process that waits in the
    /// kernel does not freeze. The group is thawed again then.
    pub fn set_frozen(
        &self,
        path: &CgroupPath,
        frozen: bool,
        patience: Duration,
    ) -> Result<(), CgroupError> {
        self.write_frozen(path, frozen)?;
        let done = os_sys::patience::until(patience, || {
            Ok::<_, CgroupError>((self.is_frozen(path)? == frozen).then_some(()))
        })?;
        if done.is_some() {
            return Ok(());
        }
        if frozen {
            self.write_frozen(path, false)?;
        }
        Err(CgroupError::NotFrozen {
            group: self.full(path).to_string(),
            frozen,
            patience,
        })
    }

    /// Whether everything in the group is frozen.
    pub fn is_frozen(&self, path: &CgroupPath) -> Result<bool, CgroupError> {
        let full = self.full(path);
        if let Some(root) = self.layout.unified() {
            let events = files::read(&full.below(root).join("cgroup.events"))?;
            return Ok(events.is_some_and(|text| text.lines().any(|line| line == "frozen 1")));
        }
        let Some(root) = self.layout.legacy(Controller::Freezer) else {
            return Ok(false);
        };
        let state = files::read(&full.below(root).join("freezer.state"))?;
        Ok(state.is_some_and(|state| state.trim() == "FROZEN"))
    }

    fn write_frozen(&self, path: &CgroupPath, frozen: bool) -> Result<(), CgroupError> {
        let full = self.full(path);
        if let Some(root) = self.layout.unified() {
            let value = if frozen { "1" } else { "0" };
            return files::write(&full.below(root).join("cgroup.freeze"), value);
        }
        let Some(root) = self.layout.legacy(Controller::Freezer) else {
            return Ok(());
        };
        let value = if frozen { "FROZEN" } else { "THAWED" };
        files::write(&full.below(root).join("freezer.state"), value)
    }
}
