//! Killing everything in a group.

use std::collections::BTreeSet;
use std::time::Duration;

use os_sys::{PidFd, Signal};

use super::Tree;
use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::path::CgroupPath;

/// Freezing is help, not a condition: a process in an uninterruptible wait never freezes.
const FREEZE_PATIENCE: Duration = Duration::from_millis(100);

/// Most killed processes have exited after this time; the others may be in hierarchies of version 1 only.
const USUALLY_GONE: Duration = Duration::from_millis(100);

impl Tree {
    /// Kills everything in the group and below it by one order of version 2, and removes the group, which
    /// the kernel refuses while a process is in it. Whether that was enough; if not, [`Tree::kill`] and
    /// [`Tree::remove`] do the rest.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn kill_and_remove(&self, path: &CgroupPath) -> Result<bool, CgroupError> {
        self.kill_unified(path, USUALLY_GONE)?;
        let removed = self.try_remove(path, &mut Vec::new())?;
        Ok(removed.is_some())
    }

    /// Kills every process in the group and below it, and returns when they are gone.
    ///
    /// Version 2 does it in one write (`cgroup.kill`, Linux 5.14), which no fork can outrun. What
    /// is in hierarchies of version 1 only is frozen, killed one by one, and thawed to die.
    ///
    /// # Errors
    /// [`CgroupError::Unkillable`] naming what is left after `patience`: processes that the kernel
    /// holds, on a dead disk for example.
    pub fn kill(&self, path: &CgroupPath, patience: Duration) -> Result<(), CgroupError> {
        self.kill_unified(path, patience.min(USUALLY_GONE))?;
        let mut pids = BTreeSet::new();
        let gone = os_sys::patience::until(patience, || {
            pids = self.procs(path)?;
            if !pids.is_empty() {
                self.kill_round(path, &pids)?;
            }
            Ok::<_, CgroupError>(pids.is_empty().then_some(()))
        })?;
        if gone.is_some() {
            return Ok(());
        }
        let group = self.full(path).to_string();
        Err(CgroupError::Unkillable {
            group,
            pids: pids.into_iter().collect(),
            patience,
        })
    }

    /// Kills what is in the hierarchy of version 2, which on a healthy host is all, and gives it the
    /// time to end: to look for it in all hierarchies takes longer than that.
    fn kill_unified(&self, path: &CgroupPath, patience: Duration) -> Result<(), CgroupError> {
        if !self.order_unified(path)? {
            return Ok(());
        }
        // Version 1 keeps the frozen from dying.
        self.thaw(path)?;
        os_sys::patience::until(patience, || {
            let populated = self.is_populated_unified(path)?;
            Ok::<_, CgroupError>((!populated).then_some(()))
        })?;
        Ok(())
    }

    /// Has the kernel kill what is in the hierarchy of version 2; false if the group is not there.
    fn order_unified(&self, path: &CgroupPath) -> Result<bool, CgroupError> {
        let Some(root) = self.layout.unified() else {
            return Ok(false);
        };
        files::write_if_there(&self.full(path).below(root).join("cgroup.kill"), "1")
    }

    fn kill_round(&self, path: &CgroupPath, pids: &BTreeSet<u32>) -> Result<(), CgroupError> {
        let mut stragglers = pids.clone();
        if let Some(root) = self.layout.unified() {
            let known = files::processes(&self.full(path).below(root))?;
            if self.order_unified(path)? {
                stragglers.retain(|pid| !known.contains(pid));
            }
        }
        if !stragglers.is_empty() {
            self.freeze(path)?;
            // Do not leave them frozen in case of an error: remaining processes are reported at the end.
            let killed = self.kill_each(path, &stragglers);
            self.thaw(path)?;
            return killed;
        }
        self.thaw(path)
    }

    /// A pid may have been given to a process that does not belong to osctl before it is opened, so the
    /// list is read again once the descriptors hold what they hold.
    fn kill_each(&self, path: &CgroupPath, pids: &BTreeSet<u32>) -> Result<(), CgroupError> {
        let mut held = Vec::new();
        for pid in pids {
            held.extend(PidFd::open(*pid)?);
        }
        let listed = self.procs(path)?;
        for process in held
            .iter()
            .filter(|process| listed.contains(&process.pid()))
        {
            process.send_signal(Signal::KILL)?;
        }
        Ok(())
    }

    fn freeze(&self, path: &CgroupPath) -> Result<(), CgroupError> {
        let Some(root) = self.layout.legacy(Controller::Freezer) else {
            return Ok(());
        };
        let state = self.full(path).below(root).join("freezer.state");
        if files::write_if_there(&state, "FROZEN")? {
            os_sys::patience::until(FREEZE_PATIENCE, || {
                let frozen = files::read(&state)?.is_none_or(|state| state.trim() == "FROZEN");
                Ok::<_, CgroupError>(frozen.then_some(()))
            })?;
        }
        Ok(())
    }

    /// Also what was frozen by others, in any group below.
    pub(super) fn thaw(&self, path: &CgroupPath) -> Result<(), CgroupError> {
        if let Some(root) = self.layout.legacy(Controller::Freezer) {
            for group in files::groups(&self.full(path).below(root))? {
                files::write_if_there(&group.join("freezer.state"), "THAWED")?;
            }
        }
        Ok(())
    }
}
