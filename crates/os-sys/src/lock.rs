//! An exclusive lock on a file.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::SysError;

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it; `holder` is the pid found in the file, which is only a hint.
    #[error("{} is locked{}", path.display(), holder.map(|p| format!(" by process {p}")).unwrap_or_default())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The pid that the holder wrote.
        holder: Option<u32>,
    },
    /// The lock file could not be used.
    #[error(transparent)]
    Sys(#[from] SysError),
}

/// A held lock; dropping it, or dying, releases it.
///
/// `flock` and not POSIX record locks: those are lost as soon as *any* descriptor of the file is
/// closed in the process. The descriptor is close-on-exec, so a started program does not keep it.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock without waiting, creates the file (0600) if missing, writes our pid into it.
    ///
    /// *Errors*: [`LockError::Held`] if another open of the file has it (also in this process).
    pub fn try_acquire(path: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|e| SysError::path("open lock file", path, e))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held {
                    path: path.to_owned(),
                    holder: read_pid(&mut file),
                });
            }
            Err(e) => return Err(SysError::path("lock", path, e).into()),
        }
        // The file stays when the lock is released: removing it would let two processes lock two
        // different inodes under one name.
        write_pid(&mut file).map_err(|e| SysError::path("write lock file", path, e))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for a caller that keeps more than the pid in it.
    pub fn file(&self) -> &File {
        &self.file
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_refused_with_pid() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = FileLock::try_acquire(&path).unwrap();
        match FileLock::try_acquire(&path) {
            Err(LockError::Held { holder, .. }) => assert_eq!(holder, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        drop(FileLock::try_acquire(&path).unwrap());
    }
}
