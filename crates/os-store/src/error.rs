//! The error of a file operation: action, path, and the error of the system.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use os_types::{Code, Explain};
use rustix::io::Errno;

/// A failed file operation.
///
/// `Display` names the action and the path; the error of the system is the source.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    /// The action that failed.
    pub action: Action,
    /// The object: the file or directory that the caller named, not a temporary file.
    pub path: PathBuf,
    /// The error of the system.
    #[source]
    pub source: io::Error,
}

impl FileError {
    pub(crate) fn new(action: Action, path: &Path, source: impl Into<io::Error>) -> Self {
        Self {
            action,
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// Whether there is no space left: the disk is full or a quota is reached.
    pub fn is_full(&self) -> bool {
        matches!(self.errno(), Some(Errno::NOSPC | Errno::DQUOT))
    }

    /// Whether the file, or the directory that should hold it, does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// The error number (errno), if the system returned one.
    pub fn errno(&self) -> Option<Errno> {
        Errno::from_io_error(&self.source)
    }
}

/// An action on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Open a file or directory.
    Open,
    /// Read content or metadata.
    Read,
    /// Create a file, directory or symlink.
    Create,
    /// Write content.
    Write,
    /// Set mode or owner.
    SetAttributes,
    /// Make durable (fsync).
    Sync,
    /// Rename the new file over the old one.
    Rename,
    /// Unlink.
    Remove,
    /// Take a lock.
    Lock,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Create => "create",
            Self::Write => "write",
            Self::SetAttributes => "set mode and owner of",
            Self::Sync => "sync",
            Self::Rename => "replace",
            Self::Remove => "remove",
            Self::Lock => "lock",
        })
    }
}

impl Explain for FileError {
    fn code(&self) -> Code {
        if self.is_full() {
            Code::NoSpace
        } else {
            Code::File
        }
    }
}
