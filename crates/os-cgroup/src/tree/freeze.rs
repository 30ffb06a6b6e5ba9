//! Freezing a group: its processes stay, and do nothing.

use std::time::Duration;

use super::Tree;
use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::open_files::OpenFiles;
use crate::path::CgroupPath;

impl Tree {
    /// Freezes everything in the group and below it; returns when it is so.
    ///
    /// Version 2 does it in its core (`cgroup.freeze`); without it the freezer of version 1 does.
    ///
    /// # Errors
    /// [`CgroupError::NotFrozen`] if it does not come to pass in time: a process that waits in the
    /// kernel does not freeze. The group is thawed again then.
    pub fn freeze_all(&self, path: &CgroupPath, patience: Duration) -> Result<(), CgroupError> {
        let full = self.full(path);
        if let Some(root) = self.layout.unified() {
            files::write(&full.below(root).join("cgroup.freeze"), "1")?;
        } else if let Some(root) = self.layout.legacy(Controller::Freezer) {
            files::write(&full.below(root).join("freezer.state"), "FROZEN")?;
        }
        if self.wait_frozen(path, true, patience)? {
            return Ok(());
        }
        self.order_thaw(path)?;
        Err(self.not_frozen(path, true, patience))
    }

    /// Lets everything in the group and below it run again, also what was frozen by others, in either
    /// version; returns when nothing of `watched`, a group at or below `path`, is frozen.
    ///
    /// # Errors
    /// [`CgroupError::NotFrozen`] if it does not come to pass in time: a group above may be frozen.
    pub fn thaw_all(
        &self,
        path: &CgroupPath,
        watched: &CgroupPath,
        patience: Duration,
    ) -> Result<(), CgroupError> {
        self.order_thaw(path)?;
        if self.wait_frozen(watched, false, patience)? {
            return Ok(());
        }
        Err(self.not_frozen(watched, false, patience))
    }

    /// Whether everything in the group is frozen, by itself or by a group above, in either version;
    /// `files` are those of this group.
    pub fn is_frozen(&self, path: &CgroupPath, files: &OpenFiles) -> Result<bool, CgroupError> {
        let full = self.full(path);
        if let Some(root) = self.layout.unified() {
            let events = files.read(&full.below(root).join("cgroup.events"))?;
            if events.is_some_and(|text| text.lines().any(|line| line == "frozen 1")) {
                return Ok(true);
            }
        }
        let Some(root) = self.layout.legacy(Controller::Freezer) else {
            return Ok(false);
        };
        let state = files.read(&full.below(root).join("freezer.state"))?;
        Ok(state.is_some_and(|state| state.trim() == "FROZEN"))
    }

    fn wait_frozen(
        &self,
        path: &CgroupPath,
        frozen: bool,
        patience: Duration,
    ) -> Result<bool, CgroupError> {
        let files = OpenFiles::default();
        let done = os_sys::patience::until(patience, || {
            Ok::<_, CgroupError>((self.is_frozen(path, &files)? == frozen).then_some(()))
        })?;
        Ok(done.is_some())
    }

    fn order_thaw(&self, path: &CgroupPath) -> Result<(), CgroupError> {
        if let Some(root) = self.layout.unified() {
            for group in files::groups(&self.full(path).below(root))? {
                files::write_if_there(&group.join("cgroup.freeze"), "0")?;
            }
        }
        self.thaw(path)
    }

    fn not_frozen(&self, path: &CgroupPath, frozen: bool, patience: Duration) -> CgroupError {
        CgroupError::NotFrozen {
            group: self.full(path).to_string(),
            frozen,
            patience,
        }
    }
}
