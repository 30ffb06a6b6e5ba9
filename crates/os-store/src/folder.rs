//! An open directory: the anchor of every `*at` call, and what is synced after a name changed.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::{Action, FileError};

/// An open directory and the path it was opened by, for messages.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) fd: OwnedFd,
    path: PathBuf,
}

/// One name in an open directory: what a path means once its directory is open.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) folder: Folder,
    pub(crate) name: OsString,
    pub(crate) path: PathBuf,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| FileError::new(Action::Open, path, error))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes created, renamed and removed names durable.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        rustix::fs::fsync(&self.fd).map_err(|error| FileError::new(Action::Sync, &self.path, error))
    }
}

impl Entry {
    /// Opens the directory that holds `path`.
    pub(crate) fn locate(path: &Path) -> Result<Self, FileError> {
        // `file_name` is None for `/` and for a path ending in `..`: neither can be replaced.
        let Some(name) = path.file_name() else {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name");
            return Err(FileError::new(Action::Open, path, reason));
        };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            folder: Folder::open(parent)?,
            name: name.to_owned(),
            path: path.to_owned(),
        })
    }

    pub(crate) fn error(&self, action: Action, source: impl Into<io::Error>) -> FileError {
        FileError::new(action, &self.path, source)
    }

    /// Opens the regular file behind the name; a symlink is an error (`ELOOP`).
    pub(crate) fn open(&self, flags: OFlags) -> Result<File, FileError> {
        self.create(flags, Mode::empty())
    }

    /// Like [`Entry::open`], with the mode for `O_CREAT`.
    pub(crate) fn create(&self, flags: OFlags, mode: Mode) -> Result<File, FileError> {
        // O_NONBLOCK: opening a FIFO that somebody left in place must not hang.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder.fd, &self.name, flags, mode)
            .map_err(|error| self.error(Action::Open, error))?;
        let file = File::from(fd);
        let metadata = file
            .metadata()
            .map_err(|error| self.error(Action::Read, error))?;
        if metadata.is_file() {
            Ok(file)
        } else {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            Err(self.error(Action::Open, reason))
        }
    }
}
