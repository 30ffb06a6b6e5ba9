//! The step about files of ours on a pool.

use std::path::Path;

use os_engine::Readiness;
use os_store::atomic::{self, Attributes};
use os_types::Failure;

use super::fail;

/// Root reads, nobody writes: changes go through replacing the file.
const MODE: u32 = 0o400;

pub(super) fn look(
    path: &Path,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Readiness, Failure> {
    let found = match atomic::read(path) {
        Ok(found) => found,
        // Its folder is not there yet, or not any more.
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(fail::file(&error)),
    };
    let is = |text: Option<&str>| found.as_deref() == text.map(str::as_bytes);
    Ok(if is(after) {
        Readiness::Done
    } else if is(before) {
        Readiness::Ready
    } else {
        Readiness::Conflict(format!("{} was changed since", path.display()))
    })
}

pub(super) fn go(path: &Path, after: Option<&str>) -> Result<(), Failure> {
    let changed = match after {
        Some(text) => atomic::replace(path, text.as_bytes(), Attributes::mode(MODE)),
        None => atomic::remove(path),
    };
    changed.map(drop).map_err(|error| fail::file(&error))
}
