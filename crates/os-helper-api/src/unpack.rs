//! An image that becomes the root of a container.

use std::path::PathBuf;

use os_types::IdMap;
use serde::{Deserialize, Serialize};

/// A root to unpack, confined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnpackJob {
    /// The archive, an image in the format of osctl; opened by root.
    pub archive: PathBuf,
    /// The directory to unpack into: empty, root's, not a symlink. Its files are stored unshifted.
    pub target: PathBuf,
    /// Users of the process that unpacks; ids that no running container has are best.
    pub uid_map: IdMap,
    /// Groups.
    pub gid_map: IdMap,
    /// Maximum of what is unpacked.
    #[serde(default)]
    pub limits: UnpackLimits,
    /// Maximum address space of the process, in bytes.
    pub memory_bytes: u64,
    /// Maximum processor time, in seconds.
    pub cpu_seconds: u64,
}

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackLimits {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Bytes of a path.
    pub path: usize,
    /// Components of a path.
    pub depth: usize,
}

impl Default for UnpackLimits {
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
pub struct UnpackReport {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// Device nodes and sockets that were left out.
    pub skipped_nodes: u64,
    /// Extended attributes that were left out: a root may have capabilities, ACLs and `user.*`.
    pub skipped_xattrs: u64,
}
