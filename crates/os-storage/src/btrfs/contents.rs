//! The inside of one open pool: where things are, and how to get hold of them safely.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_cmd::Runner;
use os_sys::btrfs::{self, BtrfsDir, Subvolume};
use os_types::DatasetName;

use super::attributes::Attributes;
use crate::{PoolPlace, StorageError};

pub(super) const SNAPSHOTS: &str = ".snapshots";
pub(super) const STORAGE: &str = ".storage";
/// Number of the subvolume that a new file system consists of (`BTRFS_FS_TREE_OBJECTID`).
const TOP_LEVEL: u64 = 5;
const STAGING: &str = ".storage/staging";
const SPOOL: &str = ".storage/spool";

/// One open pool.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) place: PoolPlace,
    pub(super) runner: Arc<dyn Runner>,
}

/// A dataset that was found and is what it should be.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) dir: File,
    pub(super) attributes: Attributes,
}

impl Found {
    pub(super) fn subvolume(&self, name: &DatasetName) -> Result<Subvolume, StorageError> {
        btrfs::subvolume_of(&self.dir).map_err(|e| StorageError::sys("look at", name, e))
    }
}

impl Contents {
    pub(super) fn new(place: PoolPlace, runner: Arc<dyn Runner>) -> Self {
        Self { place, runner }
    }

    pub(super) fn root(&self) -> &Path {
        &self.place.mountpoint
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.root().join(STAGING)
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.root().join(SPOOL)
    }

    /// The directory of all snapshots of a dataset.
    pub(super) fn snapshot_folder(&self, guid: &str) -> PathBuf {
        self.root().join(SNAPSHOTS).join(guid)
    }

    /// Where a dataset is, or would be.
    pub(super) fn path(&self, dataset: &DatasetName) -> PathBuf {
        crate::view::below(self.root(), dataset)
    }

    /// Finds a dataset, walking from the pool's root through datasets only: other
    /// components may be a guest's symlinks and are not followed.
    pub(super) fn find(&self, dataset: &DatasetName) -> Result<Option<Found>, StorageError> {
        if dataset.pool() != self.place.name {
            return Ok(None);
        }
        let mut path = self.root().to_owned();
        let Some(mut found) = Self::dataset_at(&path, dataset)? else {
            return Ok(None);
        };
        for part in dataset
            .relative()
            .split('/')
            .filter(|part| !part.is_empty())
        {
            path.push(part);
            match Self::dataset_at(&path, dataset)? {
                Some(next) => found = next,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    pub(super) fn require(&self, dataset: &DatasetName) -> Result<Found, StorageError> {
        self.find(dataset)?
            .ok_or_else(|| StorageError::not_found(dataset))
    }

    /// The dataset at exactly this path, whose parent is known to be ours. `name` is for errors.
    pub(super) fn dataset_at(
        path: &Path,
        name: &DatasetName,
    ) -> Result<Option<Found>, StorageError> {
        let dir = match btrfs::open_directory(path) {
            Ok(dir) => dir,
            Err(e) if is_absent(e.kind()) => return Ok(None),
            Err(e) if e.errno() == Some(rustix::io::Errno::LOOP.raw_os_error()) => return Ok(None),
            Err(e) => return Err(StorageError::sys("open", name, e)),
        };
        let failed = |e| StorageError::sys("look at", name, e);
        if btrfs::classify(&dir).map_err(failed)? != BtrfsDir::Subvolume {
            return Ok(None);
        }
        let attributes = Attributes::read(path).map_err(failed)?;
        Ok(attributes.map(|attributes| Found {
            path: path.to_owned(),
            dir,
            attributes,
        }))
    }

    /// Makes names and attributes durable: the journal of the engine relies on what we say is done.
    pub(super) fn commit(&self, object: &dyn std::fmt::Display) -> Result<(), StorageError> {
        let dir = open_folder(self.root(), object)?;
        btrfs::commit_transaction(&dir).map_err(|e| StorageError::sys("commit", object, e))
    }

    /// Makes a file system into a pool: once, with the guid as the last thing written.
    pub(super) fn prepare(&self) -> Result<(), StorageError> {
        let name = &self.place.name;
        let failed = |e| StorageError::sys("prepare", name, e);
        let root = open_folder(self.root(), name)?;
        if Attributes::read(self.root()).map_err(failed)?.is_none() {
            // On a file system that others use too, counting is their decision: it costs speed.
            if btrfs::subvolume_of(&root).map_err(failed)?.id == TOP_LEVEL {
                btrfs::enable_quotas(&root).map_err(failed)?;
            }
            let guid = new_guid().map_err(|e| StorageError::io("prepare", name, e))?;
            Attributes::fresh(guid, None)
                .write(self.root())
                .map_err(failed)?;
        }
        for folder in [SNAPSHOTS, STORAGE, STAGING, SPOOL] {
            make_folder(&self.root().join(folder))
                .map_err(|e| StorageError::io("prepare", name, e))?;
        }
        btrfs::commit_transaction(&root).map_err(failed)
    }
}

pub(super) fn open_folder(
    path: &Path,
    object: &dyn std::fmt::Display,
) -> Result<File, StorageError> {
    btrfs::open_directory(path).map_err(|e| StorageError::sys("open", object, e))
}

/// Makes a directory of root's alone, if it is missing.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

pub(super) fn is_absent(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A random UUID, from the kernel.
pub(super) fn new_guid() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(text.trim_end().to_owned())
}
