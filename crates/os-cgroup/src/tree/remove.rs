//! Removing a group, and those below it, from every hierarchy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Tree;
use crate::error::CgroupError;
use crate::files;
use crate::path::CgroupPath;

/// `EBUSY`: the group has processes or groups, or one has only just left.
const BUSY: i32 = 16;

impl Tree {
    /// Removes the group and all groups below it, deepest first; returns the directories removed, none
    /// if nothing was there. Processes are not killed: see [`Tree::kill`].
    ///
    /// # Errors
    /// [`CgroupError::Busy`] naming the processes in it if it cannot be removed within `patience`.
    /// Groups that could be removed by then are removed.
    pub fn remove(
        &self,
        path: &CgroupPath,
        patience: Duration,
    ) -> Result<Vec<PathBuf>, CgroupError> {
        let mut removed = Vec::new();
        let done = os_sys::patience::until(patience, || self.try_remove(path, &mut removed))?;
        match done {
            Some(()) => Ok(removed),
            None => Err(CgroupError::Busy {
                group: self.full(path).to_string(),
                pids: self.procs(path)?.into_iter().collect(),
                patience,
            }),
        }
    }

    /// Removes the parent group alone, where neither a process nor a group is in it; returns the
    /// directories removed.
    pub fn remove_parent(&self) -> Result<Vec<PathBuf>, CgroupError> {
        let mut removed = Vec::new();
        for folder in self.folders(&CgroupPath::PARENT) {
            match fs::remove_dir(&folder) {
                Ok(()) => removed.push(folder),
                Err(error) if files::is_gone(&error) || error.raw_os_error() == Some(BUSY) => {}
                Err(error) => return Err(CgroupError::file("remove", &folder, error)),
            }
        }
        Ok(removed)
    }

    /// One attempt on all hierarchies; None if something is left.
    pub(super) fn try_remove(
        &self,
        path: &CgroupPath,
        removed: &mut Vec<PathBuf>,
    ) -> Result<Option<()>, CgroupError> {
        let mut all = true;
        // What one hierarchy has below the group the next one usually has, too; listing takes longer than
        // removing.
        let mut below = Vec::new();
        for folder in self.folders(path) {
            if remove_known(&folder, &below, removed) {
                continue;
            }
            let groups = files::groups(&folder)?;
            for group in &groups {
                match fs::remove_dir(group) {
                    Ok(()) => removed.push(group.clone()),
                    Err(error) if files::is_gone(&error) => {}
                    Err(error) if error.raw_os_error() == Some(BUSY) => all = false,
                    Err(error) => return Err(CgroupError::file("remove", group, error)),
                }
            }
            let relative = |group: &PathBuf| group.strip_prefix(&folder).map(Path::to_owned);
            below = groups.iter().flat_map(relative).collect();
        }
        Ok(all.then_some(()))
    }
}

/// Removes a group with these groups below it; whether it is gone.
fn remove_known(folder: &Path, below: &[PathBuf], removed: &mut Vec<PathBuf>) -> bool {
    let mut gone = false;
    for relative in below {
        let group = folder.join(relative);
        // The last one is the group itself.
        gone = match fs::remove_dir(&group) {
            Ok(()) => {
                removed.push(group);
                true
            }
            Err(error) => files::is_gone(&error),
        };
    }
    gone
}
