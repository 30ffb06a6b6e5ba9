//! Building images on this machine.

mod busybox;
mod debian;

use std::io;
use std::path::PathBuf;

use os_cmd::CommandError;
use os_types::{Code, Explain};

pub use self::busybox::busybox;
pub use self::debian::{DebianSuite, debian};
use crate::import::ImportError;

/// Why an image was not built. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A program is missing or failed.
    #[error(transparent)]
    Program(#[from] CommandError),
    /// The scratch directory cannot be used.
    #[error("cannot use the temporary directory {}", path.display())]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// No static busybox is on this machine.
    #[error("no static busybox at {}", path.display())]
    NoBusybox {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// apt has no mirror of Debian.
    #[error("apt on this machine has no source of Debian with the component main")]
    NoMirror,
    /// What was built cannot become an image.
    #[error(transparent)]
    Import(#[from] ImportError),
}

impl From<crate::WriteError> for BuildError {
    fn from(error: crate::WriteError) -> Self {
        Self::Import(error.into())
    }
}

impl Explain for BuildError {
    fn code(&self) -> Code {
        match self {
            Self::Program(CommandError::TimedOut { .. }) => Code::Deadline,
            Self::Scratch { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Code::NoSpace
            }
            Self::Program(CommandError::NotFound { .. })
            | Self::NoBusybox { .. }
            | Self::NoMirror => Code::NotFound,
            Self::Program(_) => Code::Program,
            Self::Scratch { .. } => Code::File,
            Self::Import(error) => error.code(),
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Import(error) => error.object(),
            _ => None,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::NoBusybox { .. } => Some("apt-get install busybox-static".to_owned()),
            Self::NoMirror => Some("apt-get update".to_owned()),
            Self::Program(CommandError::NotFound { program, .. }) => {
                Some(format!("apt-get install {program}"))
            }
            _ => None,
        }
    }
}
