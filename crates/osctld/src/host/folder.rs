//! The step about folders of ours on a pool.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use os_engine::Readiness;
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, Presence};

use super::fail;

pub(super) fn look(path: &Path, mode: u32, to: Presence) -> Result<Readiness, Failure> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            let text = format!("cannot look at {}: {error}", path.display());
            return Err(Failure::new(Code::Step, text));
        }
    };
    Ok(match (found, to) {
        (None, Presence::Absent) => Readiness::Done,
        (Some(found), _) if !found.is_dir() => {
            Readiness::Conflict(format!("{} is not a folder", path.display()))
        }
        (Some(found), Presence::Present) if found.permissions().mode() & 0o7777 == mode => {
            Readiness::Done
        }
        _ => Readiness::Ready,
    })
}

pub(super) fn go(path: &Path, mode: u32, to: Presence) -> Result<(), Failure> {
    let changed = match to {
        Presence::Present => atomic::create_dir(path, Attributes::mode(mode)),
        Presence::Absent => atomic::remove_dir(path),
    };
    changed.map(drop).map_err(|error| match error.errno() {
        Some(rustix::io::Errno::NOTEMPTY) => {
            Failure::new(Code::Conflict, format!("{} is not empty", path.display()))
        }
        _ => fail::file(&error),
    })
}
