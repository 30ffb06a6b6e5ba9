//! Why a root was not unpacked.

use std::io;

use os_types::{Code, Explain};

use crate::entries::TarError;

/// Why a root was not unpacked; names the entry, with control characters escaped.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The root is not a tar archive, or it is damaged.
    #[error("the root of the image cannot be read")]
    Archive(#[from] TarError),
    /// More entries than are allowed.
    #[error("the root of the image has more than {0} entries")]
    TooManyEntries(u64),
    /// More data than is allowed.
    #[error("the root of the image is larger than {0} bytes")]
    TooLarge(u64),
    /// The entry's path leads out, or is no path.
    #[error("entry {entry} of the image {why}")]
    Path {
        /// The entry.
        entry: String,
        /// What is wrong with its path.
        why: &'static str,
    },
    /// The entry is a hard link to something that is not a file of the root.
    #[error("entry {entry} of the image is a hard link to {link}, which is not a file of it")]
    Link {
        /// The entry.
        entry: String,
        /// Where it leads.
        link: String,
    },
    /// It is of a kind that is not known.
    #[error("entry {entry} of the image is of unknown kind {kind:?}")]
    Kind {
        /// The entry.
        entry: String,
        /// The kind's letter.
        kind: char,
    },
    /// Its owner is not among the ids of the unpacking process.
    #[error("entry {entry} of the image belongs to {uid}:{gid}, which the id map does not have")]
    Owner {
        /// The entry.
        entry: String,
        /// The user.
        uid: u64,
        /// The group.
        gid: u64,
    },
    /// It could not be written.
    #[error("cannot unpack entry {entry} of the image")]
    Write {
        /// The entry.
        entry: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Explain for UnpackError {
    fn code(&self) -> Code {
        match self {
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::NoSpace,
                _ => Code::File,
            },
            _ => Code::Image,
        }
    }
}

/// A path of an archive, for people: at most 200 characters, control characters escaped.
pub(crate) fn printable(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}
