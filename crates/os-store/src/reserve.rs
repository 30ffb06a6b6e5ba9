//! Reserved space on a file system, so that an operation that frees space can be journaled when it is full.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use crate::atomic::{self, Change};
use crate::error::{Action, FileError};

/// Keeps `bytes` back in a file at `path`; one that is there already stays as it is.
///
/// # Errors
/// When there is not enough space, or the file system cannot guarantee it; no file is left then.
pub fn keep(path: &Path, bytes: u64) -> Result<Change, FileError> {
    let file = match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Change::Unchanged),
        other => other.map_err(|error| FileError::new(Action::Create, path, error))?,
    };
    if let Err(errno) = fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        atomic::remove(path)?;
        return Err(FileError::new(Action::Write, path, errno));
    }
    Ok(Change::Created)
}

/// Gives it up.
///
/// # Errors
/// When the file cannot be removed.
pub fn give_up(path: &Path) -> Result<Change, FileError> {
    atomic::remove(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_once_and_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        assert_eq!(keep(&path, 1 << 20).unwrap(), Change::Created);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 1 << 20);
        assert_eq!(keep(&path, 1 << 20).unwrap(), Change::Unchanged);
        assert_eq!(give_up(&path).unwrap(), Change::Removed);
        assert_eq!(give_up(&path).unwrap(), Change::Unchanged);
        keep(&path, u64::MAX >> 1).unwrap_err();
        assert!(!path.exists());
    }
}
