//! Why an archive cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use os_types::{Code, Explain};

use crate::metadata::{METADATA_NAME, MetadataError};
use crate::unpack::UnpackError;

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be read, or is damaged.
    #[error("cannot read the image {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The file is not an image archive.
    #[error("{} is not an image: its first member is not {METADATA_NAME} of at most 64 KiB", path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// Its metadata cannot be used.
    #[error("the metadata of the image {} cannot be used", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: MetadataError,
    },
    /// It is shorter than its metadata say.
    #[error("the image {} is cut short: it has {size} bytes, and should have {needed}", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        size: u64,
        /// What it would have at least, bytes.
        needed: u64,
    },
    /// Something follows its last part.
    #[error("the image {} goes on behind its last part, at byte {at}", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Where its end should be.
        at: u64,
    },
    /// Its root has something in it that may not be.
    #[error("the root of the image {} cannot be used", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What.
        source: Box<UnpackError>,
    },
    /// Its root is not as large as its metadata say.
    #[error("the root of the image {} has {entries} entries of {bytes} bytes, which is not what its metadata say", path.display())]
    Measure {
        /// The file.
        path: PathBuf,
        /// Files, directories and links.
        entries: u64,
        /// Bytes of files.
        bytes: u64,
    },
    /// A member is missing, too much, or in the wrong place.
    #[error("the image {} has {found:?} where part {expected:?} should be", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// The part.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl Explain for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Code::NotFound,
            _ => Code::Image,
        }
    }

    fn object(&self) -> Option<String> {
        Some(format!("image {}", self.path().display()))
    }

    fn next(&self) -> Option<String> {
        let path = self.path().display();
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => None,
            Self::NotAnImage { .. } => Some(format!(
                "osctl-image import {path} --distribution NAME --version VERSION -o FILE"
            )),
            _ => Some(format!("osctl-image verify {path}")),
        }
    }
}

impl ArchiveError {
    fn path(&self) -> &Path {
        let (Self::Read { path, .. }
        | Self::NotAnImage { path }
        | Self::Metadata { path, .. }
        | Self::Cut { path, .. }
        | Self::Trailing { path, .. }
        | Self::Root { path, .. }
        | Self::Measure { path, .. }
        | Self::Order { path, .. }) = self;
        path
    }
}
