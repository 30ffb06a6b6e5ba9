//! Unpacking a root, by a process that has no rights to lose.
//!
//! This is run by `os-helper unpack` in a user namespace with a tenant's ids, on an idmapped mount of
//! the target: whatever an archive makes it do, the kernel lets it write only what that tenant may
//! write. On top of that nothing here follows a path of the archive: each component is opened on its
//! own, never through a symlink, so that a root cannot spoil even itself by accident.
//!
//! What is kept: owners, modes with setuid bits, times, hard links, fifos, file capabilities, ACLs
//! and user attributes. Device nodes and sockets are left out and counted: a container gets its
//! devices from LXC.

pub(crate) mod attributes;
mod entry;
mod error;
mod job;
mod target;

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::BorrowedFd;

use serde::{Deserialize, Serialize};

pub use self::error::UnpackError;
pub(crate) use self::error::printable;
pub use self::job::{ArchiveSource, UnpackAnswer, UnpackJob};
use self::target::{Plain, Target};

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Bytes of a path.
    pub path: usize,
    /// Components of a path.
    pub depth: usize,
}

impl Default for Limits {
    /// A million entries, 256 GiB, `PATH_MAX`, 256 components.
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: 256 << 30,
            path: 4096,
            depth: 256,
        }
    }
}

/// What was unpacked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Device nodes and sockets that were left out.
    pub skipped_nodes: u64,
    /// Extended attributes that were left out: a root may have capabilities, ACLs and `user.*`.
    pub skipped_xattrs: u64,
}

/// Unpacks the uncompressed tar `root` into the folder `target`, which should be empty.
///
/// Needs the owner's rights in `target` for every id of the archive: be root of a user namespace that
/// maps them. Memory grows with the number of folders; give the process a limit of address space
/// against extended headers of gigabytes.
///
/// # Errors
/// With the entry that is hostile, over a limit, or could not be written. What was unpacked before
/// stays: the caller throws the target away.
pub fn unpack<R: Read>(
    root: R,
    target: BorrowedFd<'_>,
    limits: &Limits,
) -> Result<Report, UnpackError> {
    let mut target = Target::new(target);
    let mut report = Report::default();
    let mut tar = tar::Archive::new(root);
    for entry in tar.entries().map_err(UnpackError::Archive)? {
        let mut entry = entry.map_err(UnpackError::Archive)?;
        report.entries = report.entries.saturating_add(1);
        if report.entries > limits.entries {
            return Err(UnpackError::TooManyEntries(limits.entries));
        }
        entry::unpack(&mut entry, &mut target, limits, &mut report)?;
    }
    target.finish()?;
    Ok(report)
}

/// The components of a path of an archive, if all are plain.
pub(crate) fn plain_path(path: &[u8]) -> Result<Vec<OsString>, &'static str> {
    Plain::parse(path, Limits::default().depth).map(Plain::into_components)
}
