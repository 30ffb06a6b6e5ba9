//! One holder at a time, such as one daemon per run directory.
//!
//! The lock is the kernel's (`flock`), so a crash frees it and the file itself means nothing; the
//! pid inside serves only the message. The file is never unlinked: a second process could lock the
//! unlinked file and a third the new one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Action, FileError};
use crate::folder::Entry;

/// A holder writes its pid right after it got the lock; longer than this it does not take.
const PID_PATIENCE: Duration = Duration::from_millis(500);

/// How long to wait for a lock whose holder has died. A child that the holder was starting has a copy of
/// its descriptors until it closes them, some system calls after its birth; under load that takes a while.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(20);

/// The lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the lock is held by the process {0}")]
    HeldBy(u32),
    /// Something has it that left no pid.
    #[error("{} is held by an unknown process", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The lock, freed when dropped and when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock on `path` (created with mode 0600 if absent), or says who has it.
    ///
    /// Does not wait for a holder that lives. Programs started while the lock is held do not inherit it.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let entry = Entry::locate(path)?;
        let mut file = entry.create(OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR)?;
        if !try_lock(&entry, &file)? {
            let error = holder(&entry, &file);
            let LockError::HeldBy(pid) = error else {
                return Err(error);
            };
            let freed =
                os_sys::patience::until(ORPHAN_TIMEOUT, || match try_lock(&entry, &file) {
                    Ok(true) => Ok(Some(())),
                    Ok(false) if lives(pid) => Err(LockError::HeldBy(pid)),
                    Ok(false) => Ok(None),
                    Err(error) => Err(error),
                })?;
            freed.ok_or_else(|| LockError::Held {
                path: entry.path.clone(),
            })?;
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(|error| entry.error(Action::Write, error))?;
        Ok(Self { file })
    }
}

fn try_lock(entry: &Entry, file: &File) -> Result<bool, LockError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(entry.error(Action::Lock, error).into()),
    }
}

/// Whether a process runs; one that has ended and was not reaped does not.
fn lives(pid: u32) -> bool {
    let held = os_sys::PidFd::open(pid).ok().flatten();
    held.is_some_and(|held| !held.wait_exit(Duration::ZERO).unwrap_or(false))
}

fn holder(entry: &Entry, mut file: &File) -> LockError {
    let pid = os_sys::patience::until(PID_PATIENCE, || -> io::Result<_> {
        let mut text = String::new();
        file.seek(SeekFrom::Start(0))?;
        file.take(32).read_to_string(&mut text)?;
        Ok(text
            .strip_suffix('\n')
            .and_then(|pid| pid.parse::<u32>().ok()))
    });
    let path = entry.path.clone();
    match pid {
        Ok(Some(pid)) => LockError::HeldBy(pid),
        Ok(None) => LockError::Held { path },
        Err(error) => LockError::File(entry.error(Action::Read, error)),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // So that no process reads an old pid; closing the descriptor releases the lock itself.
        let _cleared = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_the_pid_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let guard = Lock::acquire(&path).unwrap();
        match Lock::acquire(&path).unwrap_err() {
            LockError::HeldBy(pid) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        drop(guard);
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        drop(Lock::acquire(&path).unwrap());
    }

    /// As a child of a killed daemon has it until it has closed the descriptors of its parent.
    #[test]
    fn a_lock_of_a_dead_holder_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
        let child = os_sys::spawn(os_sys::SpawnRequest::new("/bin/true")).unwrap();
        child.pidfd().wait_exit(Duration::from_secs(10)).unwrap();
        // Not reaped: the number is still its own.
        (&file)
            .write_all(format!("{}\n", child.pid()).as_bytes())
            .unwrap();
        let began = std::time::Instant::now();
        let freeing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(file);
        });
        drop(Lock::acquire(&path).unwrap());
        assert!(began.elapsed() >= Duration::from_millis(250));
        freeing.join().unwrap();
    }

    #[test]
    fn a_pid_left_by_a_crash_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        crate::atomic::replace(&path, b"1\n", crate::Attributes::mode(0o600)).unwrap();
        drop(Lock::acquire(&path).unwrap());
    }

    #[test]
    fn a_holder_without_a_pid_and_a_symlink_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
        let error = Lock::acquire(&path).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error:?}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("lock", &link).unwrap();
        assert!(matches!(
            Lock::acquire(&link).unwrap_err(),
            LockError::File(_)
        ));
    }
}
