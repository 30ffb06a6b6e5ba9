//! What `os-helper unpack` is told, and what it answers.

use std::path::PathBuf;

use os_types::image::ImageInfo;
use os_types::{Failure, IdMap};
use serde::{Deserialize, Serialize};

use super::{Limits, Report};

/// A root to unpack, confined. JSON on a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnpackJob {
    /// The archive, an image of ours.
    pub archive: ArchiveSource,
    /// The folder to unpack into: empty, root's, not a symlink. Its files are stored unshifted.
    pub target: PathBuf,
    /// Users of the process that unpacks; ids that no running container has are best.
    pub uid_map: IdMap,
    /// Groups.
    pub gid_map: IdMap,
    /// How much it may unpack to.
    #[serde(default)]
    pub limits: Limits,
    /// How much memory it may use, bytes of address space.
    #[serde(default = "default_memory")]
    pub memory_bytes: u64,
    /// How long it may compute, seconds.
    #[serde(default = "default_cpu")]
    pub cpu_seconds: u64,
}

const fn default_memory() -> u64 {
    1 << 30
}

const fn default_cpu() -> u64 {
    3600
}

/// Where the archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveSource {
    /// In a file, opened by root.
    Path(PathBuf),
    /// Open already, under this number.
    Descriptor(u32),
}

/// What became of it: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnpackAnswer {
    /// All of it is unpacked, and its checksum was right.
    Done {
        /// What the image says of itself.
        image: ImageInfo,
        /// What was unpacked.
        report: Report,
    },
    /// What is in the target is to be thrown away.
    Failed(Failure),
}
