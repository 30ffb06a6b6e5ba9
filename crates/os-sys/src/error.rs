//! The error of a failed system call: what was tried, on which object.

use std::io;
use std::path::Path;

use os_types::{Code, Explain};

/// A system call failed.
///
/// *Shape*: displays as `cannot mount /dev/loop3 at /tank`; the errno is the source.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {object}")]
pub struct SysError {
    action: &'static str,
    object: String,
    source: io::Error,
}

impl SysError {
    pub(crate) fn new(
        action: &'static str,
        object: impl Into<String>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self {
            action,
            object: object.into(),
            source: source.into(),
        }
    }

    pub(crate) fn path(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::new(action, path.display().to_string(), source)
    }

    /// What the call worked on, as shown to people.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The errno, if the kernel gave one.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// The class of the failure.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl Explain for SysError {
    fn code(&self) -> Code {
        Code::System
    }
}
