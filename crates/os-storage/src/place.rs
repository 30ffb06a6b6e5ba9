//! Where a pool comes from, where it is seen.

use std::fmt;
use std::path::{Path, PathBuf};

use os_types::{DatasetName, PoolName};

use crate::StorageError;

/// A pool and the directory where it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolPlace {
    /// Its name.
    pub name: PoolName,
    /// Absolute path of its mount point.
    pub mountpoint: PathBuf,
}

impl PoolPlace {
    /// Refuses the pool's own dataset, and those of other pools.
    pub(crate) fn refuse_root(&self, dataset: &DatasetName) -> Result<(), StorageError> {
        if dataset.pool() != self.name {
            return Err(StorageError::not_found(dataset));
        }
        if dataset.parent().is_none() {
            return Err(StorageError::Invalid {
                object: dataset.to_string(),
                reason: "the pool's own dataset lives as long as the pool",
            });
        }
        Ok(())
    }

    /// Whether a dataset is still to be renamed: not if only the new name exists. `exist` says which
    /// of the two do.
    pub(crate) fn is_to_rename(
        &self,
        from: &DatasetName,
        to: &DatasetName,
        exist: [bool; 2],
    ) -> Result<bool, StorageError> {
        self.refuse_root(from)?;
        if to.is_below(from) {
            return Err(StorageError::Invalid {
                object: to.to_string(),
                reason: "a dataset cannot be moved into itself",
            });
        }
        match exist {
            [true, false] => Ok(true),
            [false, true] => Ok(false),
            [true, true] => Err(StorageError::exists(to)),
            [false, false] => Err(StorageError::not_found(from)),
        }
    }
}

/// What a pool is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolSource {
    /// A file with a file system in it; attached to a loop device while the pool is open.
    Image(PathBuf),
    /// A disk or partition.
    BlockDevice(PathBuf),
    /// A subvolume of a btrfs that somebody else has mounted; bound to the mount point.
    Directory(PathBuf),
    /// A zpool with the name of the pool, on whatever disks ZFS finds it.
    Zpool,
}

/// The control device of ZFS, which stands for [`PoolSource::Zpool`] where a path is needed.
pub const ZFS_DEVICE: &str = "/dev/zfs";

impl PoolSource {
    /// The path, whatever it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Image(path) | Self::BlockDevice(path) | Self::Directory(path) => path,
            Self::Zpool => Path::new(ZFS_DEVICE),
        }
    }
}

impl fmt::Display for PoolSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path().display())
    }
}
