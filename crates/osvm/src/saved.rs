//! Saved states of machines: a directory for each, in a directory that belongs to one image.
//!
//! ```text
//! STATES/ready-0123456789abcdef/
//!     key           what the state is for, in lines: QEMU, image, hardware, recipe
//!     memory        QEMU's migration stream, the memory of the machine in it
//!     console.log   what the machine had said until then
//!     disk0         contents of the disks that the recipe writes to
//! STATES/ready.lock      held by the process that makes a state of this name
//! STATES/new-XXXXXX/     a state that is being made, or was when its maker was killed
//! ```
//!
//! A state is made in a directory of another name and renamed when it is whole. It is found by its key, all of
//! which is compared: another QEMU, image, hardware or recipe finds nothing and makes a state again. States
//! of another QEMU or image are removed then, and of the others those used longest ago, until all together
//! take at most [`LIMIT`].

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::{VmError, host};

/// Most that the states of one image may take on the disk of the host, in bytes. One takes about 350 MB.
const LIMIT: u64 = 2 << 30;

/// First line of each key: the format of the directory.
const FORMAT: &str = "osvm state 1";

/// What a state is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// QEMU, accelerator and image: a state with another one is of no use any more.
    pub(crate) platform: String,
    /// The arguments of QEMU and the recipe.
    pub(crate) details: String,
}

impl Key {
    fn text(&self) -> String {
        format!("{FORMAT}\n{}\n{}", self.platform.trim_end(), self.details)
    }
}

/// The directory with the states of one image.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// A state that can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedState {
    folder: PathBuf,
    /// Device, inode, and time of the last change: a directory of the same path may be another state.
    identity: (u64, u64, i64, i64),
}

impl SavedState {
    fn identify(folder: PathBuf) -> io::Result<Self> {
        let of = fs::metadata(folder.join("memory"))?;
        let identity = (of.dev(), of.ino(), of.mtime(), of.mtime_nsec());
        Ok(Self { folder, identity })
    }

    /// Removes a state that does not work, if it is still this one. The lock of its name has to be held.
    pub(crate) fn discard(&self) -> Result<(), VmError> {
        match Self::identify(self.folder.clone()) {
            Ok(now) if now == *self => remove(&self.folder),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn memory(&self) -> PathBuf {
        self.folder.join("memory")
    }

    pub(crate) fn console(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    pub(crate) fn disk(&self, number: usize) -> PathBuf {
        disk(&self.folder, number)
    }
}

/// The contents of a disk of a state.
pub(crate) fn disk(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("disk{number}"))
}

impl Store {
    pub(crate) fn open(folder: &Path) -> Result<Self, VmError> {
        fs::create_dir_all(folder).map_err(VmError::file("create a directory", folder))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The state with this key, if there is one.
    pub(crate) fn find(&self, name: &str, key: &Key) -> Option<SavedState> {
        let folder = self.place(name, key);
        let text = fs::read_to_string(folder.join("key")).ok()?;
        // Not an error: a state that cannot be read is made again.
        let state = SavedState::identify(folder).ok()?;
        if text != key.text() {
            return None;
        }
        // The time of the last use.
        drop(File::open(&state.folder).and_then(|f| f.set_modified(SystemTime::now())));
        Some(state)
    }

    fn place(&self, name: &str, key: &Key) -> PathBuf {
        self.folder
            .join(format!("{name}-{:016x}", hash(&key.text())))
    }

    /// Waits until no other process makes or removes a state of this name. `None` if that takes longer.
    pub(crate) fn lock(&self, name: &str, timeout: Duration) -> Result<Option<File>, VmError> {
        let path = self.folder.join(format!("{name}.lock"));
        let file = File::create(&path).map_err(VmError::file("make", &path))?;
        os_sys::patience::until(timeout, || Ok(file.try_lock().is_ok().then_some(())))
            .map(|locked| locked.map(|()| file))
    }

    /// A directory to make a state in.
    pub(crate) fn scratch(&self) -> Result<TempDir, VmError> {
        tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(&self.folder)
            .map_err(VmError::file("create a directory in", &self.folder))
    }

    /// Gives the directory of a state its name. The lock of this name has to be held.
    pub(crate) fn publish(
        &self,
        name: &str,
        key: &Key,
        made: TempDir,
    ) -> Result<SavedState, VmError> {
        host::write(&made.path().join("key"), key.text().as_bytes())?;
        // After a crash of the host a state is there with all its bytes, or it is not there.
        for entry in entries(made.path()) {
            let synced = File::open(&entry).and_then(|file| file.sync_all());
            synced.map_err(VmError::file("sync", &entry))?;
        }
        let place = self.place(name, key);
        remove(&place)?;
        let from = made.keep();
        fs::rename(&from, &place).map_err(VmError::file("rename", &from))?;
        self.prune(key, &place);
        let state = SavedState::identify(place);
        state.map_err(VmError::file("read the state in", &self.folder))
    }

    /// Makes room. Errors are left for the next time: too much on the disk is no reason to fail.
    fn prune(&self, key: &Key, keep: &Path) {
        let platform = Key {
            platform: key.platform.clone(),
            details: String::new(),
        };
        let platform = platform.text();
        let mut left = Vec::new();
        for folder in entries(&self.folder).filter(|path| path.is_dir() && path != keep) {
            if is_scratch(&folder) {
                if is_abandoned(&folder) {
                    drop(remove(&folder));
                }
                continue;
            }
            let of = fs::read_to_string(folder.join("key")).unwrap_or_default();
            if of.starts_with(&platform) {
                left.push((last_use(&folder), folder));
            } else {
                drop(remove(&folder));
            }
        }
        left.sort();
        let mut total = size(keep) + left.iter().map(|(_, folder)| size(folder)).sum::<u64>();
        for (_, folder) in left {
            if total <= LIMIT {
                return;
            }
            total -= size(&folder);
            drop(remove(&folder));
        }
    }
}

fn is_scratch(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b"new-")
}

/// Whether its maker must be dead: no state takes an hour.
fn is_abandoned(folder: &Path) -> bool {
    let age = last_use(folder).elapsed().unwrap_or_default();
    age > Duration::from_hours(1)
}

fn last_use(folder: &Path) -> SystemTime {
    let modified = fs::metadata(folder).and_then(|metadata| metadata.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Bytes on the disk of the host; files with holes take less than their length.
fn size(folder: &Path) -> u64 {
    let files = entries(folder).filter_map(|file| fs::metadata(file).ok());
    files.map(|file| file.blocks() * 512).sum()
}

fn remove(folder: &Path) -> Result<(), VmError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(VmError::file("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Copies a file with holes, and leaves the holes out. The target is made, or overwritten.
pub(crate) fn copy_sparse(from: &Path, to: &Path) -> Result<(), VmError> {
    let copy = || {
        let (source, target) = (File::open(from)?, File::create(to)?);
        let length = source.metadata()?.len();
        target.set_len(length)?;
        let mut position = 0;
        while position < length {
            let start = match seek(&source, SeekFrom::Data(position)) {
                // Only a hole is left.
                Err(Errno::NXIO) => return Ok(()),
                start => start?,
            };
            let end = seek(&source, SeekFrom::Hole(start))?;
            seek(&source, SeekFrom::Start(start))?;
            seek(&target, SeekFrom::Start(start))?;
            io::copy(&mut io::Read::take(&source, end - start), &mut &target)?;
            position = end;
        }
        Ok(())
    };
    copy().map_err(VmError::file("copy", from))
}

/// FNV-1a of 64 bits. Equal hashes of different keys do no harm: the keys are compared too.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
