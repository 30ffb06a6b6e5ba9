//! What the file of a loop pool has in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A file system that osctld can make a pool with. *Shape*: `btrfs`, `zfs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileSystem {
    /// In each kernel, so on each host.
    Btrfs,
    /// Where the kernel has OpenZFS.
    Zfs,
}

impl FileSystem {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Btrfs, Self::Zfs];

    /// As it is written, e.g. `zfs`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Zfs => "zfs",
        }
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
