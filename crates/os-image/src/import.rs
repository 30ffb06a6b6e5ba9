//! A distribution's root, tarball or directory, as the root of an image: entry by entry, without
//! unpacking anything.

mod folder;
mod root_writer;
mod tarball;

use std::io;
use std::path::PathBuf;

use os_types::{Code, Explain};

pub use self::folder::folder;
pub use self::tarball::tarball;
use crate::archive::{Measure, WriteError};
use crate::entries::TarError;

/// What was left out of a root, because a container's root must not or need not have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Device nodes and sockets: a container gets its devices from LXC.
    pub nodes: u64,
    /// Extended attributes but for capabilities, ACLs and `user.*`.
    pub xattrs: u64,
    /// Directories on other file systems, of which only the mountpoint was taken.
    pub mounts: u64,
}

/// A root that was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// How large it is.
    pub measure: Measure,
    /// What is not in it.
    pub left_out: LeftOut,
}

/// Why a root was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The tarball or a file of the directory cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// What is in the tarball cannot be read.
    #[error("cannot import {}", path.display())]
    Tar {
        /// The tarball.
        path: PathBuf,
        /// What is wrong, and where.
        source: TarError,
    },
    /// An entry does not belong into a root.
    #[error("entry {entry} of {} {why}", path.display())]
    Entry {
        /// The tarball.
        path: PathBuf,
        /// The entry, control characters escaped.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nothing in it, or no directory of a root.
    #[error("{} has no root in it: neither /etc nor /usr nor /bin", path.display())]
    NoRoot {
        /// The tarball or directory.
        path: PathBuf,
    },
    /// The archive cannot be written.
    #[error("cannot write the root of the image")]
    Spool(#[source] io::Error),
    /// The archive cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Explain for ImportError {
    fn code(&self) -> Code {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Code::NotFound,
            Self::Read { .. } | Self::Tar { .. } | Self::Entry { .. } | Self::NoRoot { .. } => {
                Code::Image
            }
            Self::Spool(source) if source.kind() == io::ErrorKind::StorageFull => Code::NoSpace,
            Self::Spool(_) => Code::File,
            Self::Write(error) => error.code(),
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Read { path, .. }
            | Self::Tar { path, .. }
            | Self::Entry { path, .. }
            | Self::NoRoot { path } => Some(path.display().to_string()),
            Self::Spool(_) => None,
            Self::Write(error) => error.object(),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::NoRoot { path } => Some(format!(
                "tar -tf {}; if the root is in a directory: osctl-image import --strip-components 1 ...",
                path.display()
            )),
            _ => None,
        }
    }
}
