//! Configuration files of osctl on a pool.

use std::path::Path;

use os_engine::{Outcome, StepCheck, StepContext};
use os_store::FileError;
use os_store::atomic::{self, Attributes};
use os_types::Failure;
use os_types::step::FileStep;

use super::{HostStep, LinuxHost};

/// Readable by root only, and not writable: a change replaces the file.
const MODE: u32 = 0o400;

impl HostStep for FileStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let path = host.locate(&self.path);
        let found = match atomic::read(&path) {
            // Its directory may be gone, or not yet created.
            Err(error) if error.is_not_found() => None,
            found => found?,
        };
        let ends = [&self.before, &self.after].map(|text| text.as_deref().map(str::as_bytes));
        let conflict = || format!("{} was changed since", path.display());
        Ok(StepCheck::of_value(found.as_deref(), ends, conflict))
    }

    /// the rollback from a removal finds the file in its place.
    fn note_done(&self, host: &LinuxHost) {
        host.learn(&self.path, self.after.as_deref());
    }

    /// A removal only takes the file out of use, and what is named after it stays; see [`super::removal`].
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let is_deferred = self.after.is_none() && !context.is_way_back();
        if !is_deferred {
            write(&host.locate(&self.path), self.after.as_deref())?;
        }
        host.learn(&self.path, self.after.as_deref());
        if !is_deferred {
            host.sweep_after(&self.path, self.before.as_deref(), self.after.as_deref());
        }
        Ok(Outcome::Changed)
    }
}

/// Replaces the file, or removes it if there is no text.
pub(super) fn write(path: &Path, text: Option<&str>) -> Result<(), FileError> {
    let changed = match text {
        Some(text) => atomic::replace(path, text.as_bytes(), Attributes::mode(MODE)),
        None => atomic::remove(path),
    };
    changed.map(drop)
}
