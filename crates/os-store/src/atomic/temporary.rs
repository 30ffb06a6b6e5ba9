//! A temporary name beside a target, gone unless it was put in place.
//!
//! A temporary file is locked (`flock`) by its writer for as long as it exists, so that a sweep can
//! tell one left by a crash (lock free) from one being written. Pids would not do: after a reboot
//! they are used again.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use crate::error::{Action, FileError};
use crate::folder::Entry;

use super::Attributes;

/// How the name of every temporary file begins.
pub const TEMPORARY_PREFIX: &str = ".new-";

/// Attempts to find a free name: only debris of crashed processes can be in the way.
const ATTEMPTS: u32 = 10_000;

/// A name in the target's directory; removed when dropped before [`Temporary::put_in_place`].
#[derive(Debug)]
pub(crate) struct Temporary<'a> {
    entry: &'a Entry,
    name: String,
    /// Keeps the lock. None for a symlink, which cannot be locked.
    file: Option<File>,
    in_place: bool,
}

impl<'a> Temporary<'a> {
    /// Writes a synced file with exactly these attributes under a temporary name.
    pub(crate) fn file(
        entry: &'a Entry,
        content: &[u8],
        attributes: Attributes,
    ) -> Result<Self, FileError> {
        for _ in 0..ATTEMPTS {
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name = next_name();
            let mode = Mode::RUSR | Mode::WUSR;
            let file = match rustix::fs::openat(&entry.folder.fd, name.as_str(), flags, mode) {
                Ok(fd) => File::from(fd),
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(entry.error(Action::Create, error)),
            };
            // Waits at most for a sweep that found the file in the instant before this lock.
            rustix::fs::flock(&file, FlockOperation::LockExclusive)
                .map_err(|error| entry.error(Action::Lock, error))?;
            let stat =
                rustix::fs::fstat(&file).map_err(|error| entry.error(Action::Read, error))?;
            if stat.st_nlink == 0 {
                continue; // that sweep won
            }
            let temporary = Self {
                entry,
                name,
                file: Some(file),
                in_place: false,
            };
            if let Some(file) = &temporary.file {
                fill(entry, file, content, attributes)?;
            }
            return Ok(temporary);
        }
        Err(entry.error(Action::Create, Errno::EXIST))
    }

    /// Makes a symlink under a temporary name.
    pub(crate) fn symlink(entry: &'a Entry, target: &Path) -> Result<Self, FileError> {
        for _ in 0..ATTEMPTS {
            let name = next_name();
            match rustix::fs::symlinkat(target, &entry.folder.fd, name.as_str()) {
                Ok(()) => {
                    return Ok(Self {
                        entry,
                        name,
                        file: None,
                        in_place: false,
                    });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(entry.error(Action::Create, error)),
            }
        }
        Err(entry.error(Action::Create, Errno::EXIST))
    }

    /// Renames over the target and syncs the directory.
    ///
    /// If only that last sync fails, the target has its new content and the error says `sync`.
    pub(crate) fn put_in_place(self) -> Result<(), FileError> {
        let entry = self.entry;
        self.rename()?;
        entry.folder.sync()
    }

    /// Renames over the target, which is durable only when the directory is synced.
    pub(crate) fn rename(mut self) -> Result<(), FileError> {
        let folder = &self.entry.folder.fd;
        rustix::fs::renameat(folder, self.name.as_str(), folder, &self.entry.name)
            .map_err(|error| self.entry.error(Action::Rename, error))?;
        self.in_place = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            let folder = &self.entry.folder.fd;
            // The error being returned is the one that matters; what stays here, a sweep removes.
            let _swept_later = rustix::fs::unlinkat(folder, self.name.as_str(), AtFlags::empty());
        }
    }
}

/// Whether a name is one of [`next_name`]: a sweep of /etc must not take an admin's `.new-hosts`.
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mut parts = name
        .strip_prefix(TEMPORARY_PREFIX.as_bytes())
        .unwrap_or_default()
        .split(|byte| *byte == b'-');
    parts.next().is_some_and(digits) && parts.next().is_some_and(digits) && parts.next().is_none()
}

fn next_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY_PREFIX}{}-{count}", std::process::id())
}

fn fill(
    entry: &Entry,
    mut file: &File,
    content: &[u8],
    attributes: Attributes,
) -> Result<(), FileError> {
    file.write_all(content)
        .map_err(|error| entry.error(Action::Write, error))?;
    set_attributes(file, attributes).map_err(|error| entry.error(Action::SetAttributes, error))?;
    file.sync_all()
        .map_err(|error| entry.error(Action::Sync, error))
}

/// Owner first: a chown clears the setuid and setgid bits.
pub(crate) fn set_attributes(file: &File, attributes: Attributes) -> Result<(), Errno> {
    if let Some(owner) = attributes.owner {
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        rustix::fs::fchown(file, Some(uid), Some(gid))?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(attributes.mode))
}
