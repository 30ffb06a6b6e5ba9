//! The locks that protect account files from concurrent writers on every Linux host.
//!
//! Two conventions, taken in the order the shadow tools take them:
//! 1. `.pwd.lock` in the directory: a record lock (lckpwdf(3)), also taken by pam and systemd;
//! 2. `FILE.lock`: a hard link to a file holding the writer's pid (shadow: lib/commonio.c,
//!    `do_lock_file`), which holds for tools working on another root as well.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{BlockError, real_folder};
use crate::error::{Action, FileError};
use crate::folder::Entry;

/// Both conventions lock per process, so threads of this process use a mutex. One mutex for all
/// files, because closing any descriptor of `.pwd.lock` frees the record lock of the process.
static TURN: Mutex<()> = Mutex::new(());

const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The locks of account files in one directory, freed when dropped.
#[derive(Debug)]
pub(super) struct ShadowLock {
    links: Vec<Entry>,
    // Fields drop in this order, after the link is gone: record lock, then the turn.
    _record_lock: File,
    _turn: MutexGuard<'static, ()>,
}

impl ShadowLock {
    /// Takes the locks of these files, in this order, waiting up to `patience` for each. If one
    /// cannot be acquired, all are released.
    pub(super) fn acquire(paths: &[&Path], patience: Duration) -> Result<Self, BlockError> {
        let files = paths.iter().map(|path| real_folder(path));
        let files: Vec<PathBuf> = files.collect::<Result<_, _>>()?;
        let folder = files.first().and_then(|file| file.parent());
        let record = folder
            .unwrap_or_else(|| Path::new("/etc"))
            .join(".pwd.lock");
        let turn = take_turn(&record, patience)?;
        let mut lock = Self {
            links: Vec::new(),
            _record_lock: lock_record(&record, patience)?,
            _turn: turn,
        };
        for file in files {
            let beside = |suffix: &str| {
                let mut path = file.clone().into_os_string();
                path.push(suffix);
                PathBuf::from(path)
            };
            let link = Entry::locate(&beside(".lock"))?;
            let pid_file = Entry::locate(&beside(&format!(".{}", std::process::id())))?;
            link_pid(&link, &pid_file, patience)?;
            lock.links.push(link);
        }
        Ok(lock)
    }
}

impl Drop for ShadowLock {
    fn drop(&mut self) {
        // If this fails the next writer finds a lock with the pid of a dead process, or of us.
        for link in self.links.iter().rev() {
            let _stale_later = unlink(link);
        }
    }
}

fn take_turn(lock: &Path, patience: Duration) -> Result<MutexGuard<'static, ()>, BlockError> {
    let turn = os_sys::patience::until(patience, || match TURN.try_lock() {
        Ok(turn) => Ok(Some(turn)),
        // A panic under the lock left nothing half-made: files change by rename.
        Err(TryLockError::Poisoned(poisoned)) => Ok(Some(poisoned.into_inner())),
        Err(TryLockError::WouldBlock) => Ok::<_, BlockError>(None),
    })?;
    turn.ok_or_else(|| BlockError::Busy {
        lock: lock.to_owned(),
        holder: Some(std::process::id()),
        patience,
    })
}

fn lock_record(path: &Path, patience: Duration) -> Result<File, BlockError> {
    let entry = Entry::locate(path)?;
    let file = entry.create(OFlags::RDWR | OFlags::CREATE, PRIVATE)?;
    let locked = os_sys::patience::until(patience, || {
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(())),
            Err(Errno::ACCESS | Errno::AGAIN) => Ok(None),
            Err(error) => Err(entry.error(Action::Lock, error)),
        }
    })?;
    match locked {
        Some(()) => Ok(file),
        None => Err(BlockError::Busy {
            lock: path.to_owned(),
            holder: None,
            patience,
        }),
    }
}

/// Links our pid file to the lock's name: the link either appears with our pid in it or not at all.
fn link_pid(link: &Entry, pid_file: &Entry, patience: Duration) -> Result<(), BlockError> {
    write_pid(pid_file)?;
    let linked = os_sys::patience::until(patience, || try_link(link, pid_file));
    let removed = unlink(pid_file);
    let linked = linked?;
    removed?;
    if linked.is_some() {
        return Ok(());
    }
    Err(BlockError::Busy {
        lock: link.path.clone(),
        holder: holder(link)?,
        patience,
    })
}

fn try_link(link: &Entry, pid_file: &Entry) -> Result<Option<()>, FileError> {
    let (from, to) = (&pid_file.folder.fd, &link.folder.fd);
    match rustix::fs::linkat(from, &pid_file.name, to, &link.name, AtFlags::empty()) {
        Ok(()) => return Ok(Some(())),
        Err(Errno::EXIST) => {}
        Err(error) => return Err(link.error(Action::Lock, error)),
    }
    // Of another thread of this process it cannot be, because of the mutex: so with our own pid it was left
    // by a former process that had it.
    if let Some(pid) = holder(link)?
        && (pid == std::process::id() || !is_alive(pid))
    {
        unlink(link)?;
    }
    Ok(None)
}

/// The pid in the lock; None if the lock is gone or holds none (then it is not ours to break).
fn holder(link: &Entry) -> Result<Option<u32>, FileError> {
    let file = match link.open(OFlags::RDONLY) {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(32)
        .read_to_end(&mut text)
        .map_err(|error| link.error(Action::Read, error))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.trim_end_matches(['\0', '\n']).parse().ok())
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn write_pid(pid_file: &Entry) -> Result<(), FileError> {
    // Only a former process with our pid can have left one.
    unlink(pid_file)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let mut file = pid_file.create(flags, PRIVATE)?;
    // With the NUL at the end, as shadow writes it.
    let pid = format!("{}\0", std::process::id());
    file.write_all(pid.as_bytes())
        .map_err(|error| pid_file.error(Action::Write, error))
}

fn unlink(entry: &Entry) -> Result<(), FileError> {
    match rustix::fs::unlinkat(&entry.folder.fd, &entry.name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(entry.error(Action::Remove, error)),
    }
}
