//! Directories of osctl on a pool.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use os_engine::{Outcome, StepCheck, StepContext};
use os_store::atomic::{self, Attributes};
use os_types::step::DirectoryStep;
use os_types::{Code, Failure, Presence};
use rustix::io::Errno;

use super::{HostStep, LinuxHost};

impl HostStep for DirectoryStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let path = host.locate(&self.path);
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                let text = format!("cannot look at {}: {error}", path.display());
                return Err(Failure::new(Code::File, text));
            }
        };
        Ok(match (found, self.to) {
            (None, Presence::Absent) => StepCheck::Done,
            (Some(found), _) if !found.is_dir() => {
                StepCheck::Conflict(format!("{} is not a directory", path.display()))
            }
            (Some(found), Presence::Present)
                if found.permissions().mode() & 0o7777 == self.mode =>
            {
                StepCheck::Done
            }
            _ => StepCheck::Ready,
        })
    }

    /// A removal is done at the end of the operation; see [`super::removal`].
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        if self.to == Presence::Absent && !context.is_way_back() {
            return Ok(Outcome::Changed);
        }
        let path = host.locate(&self.path);
        let changed = match self.to {
            Presence::Present => atomic::create_dir(&path, Attributes::mode(self.mode)),
            Presence::Absent => atomic::remove_dir(&path),
        };
        match changed {
            Err(error) if error.errno() == Some(Errno::NOTEMPTY) => Err(not_empty(&path)),
            changed => Ok(changed.map(|_| Outcome::Changed)?),
        }
    }
}

/// The error for a directory that cannot be removed because it contains unexpected entries.
pub(super) fn not_empty(path: &Path) -> Failure {
    Failure::new(Code::Conflict, format!("{} is not empty", path.display()))
}
