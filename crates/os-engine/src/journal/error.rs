//! A journal or history that cannot be written or read.

use std::io;
use std::path::{Path, PathBuf};

use os_store::FileError;
use os_store::jsonl::JsonlError;
use os_types::plan::JournalPlace;
use os_types::{Code, Explain};

/// A journal or history that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory of the place is unknown, e.g. because its pool is not imported.
    #[error("{} is not open", name(.0))]
    NoPlace(JournalPlace),
    /// A file operation failed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The reason the system gave.
        #[source]
        source: io::Error,
    },
    /// A file operation of `os-store` failed.
    #[error(transparent)]
    Store(#[from] FileError),
    /// A journal cannot be read or written.
    #[error(transparent)]
    Lines(#[from] JsonlError),
    /// A line is a record that cannot stand there.
    #[error("{}:{line}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// The place in words, e.g. `the journal of pool tank`.
fn name(place: &JournalPlace) -> String {
    match place {
        JournalPlace::Pool { pool } => format!("the journal of pool {pool}"),
        JournalPlace::Host => "the journal of the host".to_owned(),
        JournalPlace::Run => "the run journal".to_owned(),
    }
}

impl JournalError {
    /// For `map_err` of a file operation.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// Whether the contents are at fault and not the disk: another try will find the same.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::Lines(JsonlError::Record { .. })
        )
    }
}

impl Explain for JournalError {
    fn code(&self) -> Code {
        let full = |error: &io::Error| {
            use io::ErrorKind::{QuotaExceeded, StorageFull};
            matches!(error.kind(), StorageFull | QuotaExceeded)
        };
        match self {
            Self::NoPlace(_) => Code::PoolState,
            Self::File { source, .. } if full(source) => Code::NoSpace,
            Self::Store(error) | Self::Lines(JsonlError::File(error)) if error.is_full() => {
                Code::NoSpace
            }
            Self::File { .. } | Self::Store(_) | Self::Lines(JsonlError::File(_)) => Code::File,
            Self::Damaged { .. } | Self::Lines(JsonlError::Record { .. }) => Code::Damaged,
            Self::Lines(JsonlError::Unwritable { .. }) => Code::Internal,
        }
    }

    fn object(&self) -> Option<String> {
        let path = match self {
            Self::NoPlace(place) => return Some(name(place)),
            Self::Store(FileError { path, .. })
            | Self::Lines(
                JsonlError::File(FileError { path, .. })
                | JsonlError::Record { path, .. }
                | JsonlError::Unwritable { path, .. },
            )
            | Self::File { path, .. }
            | Self::Damaged { path, .. } => path,
        };
        Some(path.display().to_string())
    }
}
