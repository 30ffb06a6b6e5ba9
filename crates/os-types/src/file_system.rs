//! What the file of a loop pool has in it.

use crate::names::words;

words! {
    /// A file system that osctld can make a pool with. *Shape*: `btrfs`, `zfs`.
    FileSystem {
        /// In each kernel, so on each host.
        Btrfs = "btrfs",
        /// Where the kernel has OpenZFS.
        Zfs = "zfs",
    }
}
