//! Where things are made before they appear under their name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use os_sys::btrfs::{self, BtrfsDir};
use os_sys::{Access, read_xattr};
use os_types::DatasetName;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::attributes::{self, Attributes, PENDING};
use super::catalog::{Catalog, subfolders, subvolume_at, walk};
use super::contents::{Contents, new_guid, open_folder};
use crate::StorageError;

/// Begin of the names of what is being destroyed.
pub(super) const DOOMED: &str = "destroy-";

/// A subvolume that is not visible as a dataset yet.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: PathBuf,
    pub(super) dir: File,
}

impl Contents {
    /// An empty subvolume, or a writable copy of `source`, without any attribute of osctl.
    pub(super) fn stage(
        &self,
        name: &str,
        source: Option<&File>,
        object: &DatasetName,
    ) -> Result<Staged, StorageError> {
        let failed = |e| StorageError::sys("make", object, e);
        let folder = open_folder(&self.staging(), object)?;
        match source {
            None => btrfs::create_subvolume(&folder, name).map_err(failed)?,
            Some(source) => {
                btrfs::snapshot_subvolume(source, &folder, name, Access::ReadWrite)
                    .map_err(failed)?;
            }
        }
        let path = self.staging().join(name);
        let dir = open_folder(&path, object)?;
        attributes::strip(&path).map_err(failed)?;
        Self::drop_placeholders(&path, object)?;
        Ok(Staged { path, dir })
    }

    /// Makes a dataset at once visible under its name.
    pub(super) fn publish(
        &self,
        staged: &Staged,
        dataset: &DatasetName,
        attributes: &Attributes,
    ) -> Result<(), StorageError> {
        Self::limit(&staged.dir, dataset, attributes)?;
        attributes
            .write(&staged.path)
            .map_err(|e| StorageError::sys("make", dataset, e))?;
        let target = self.path(dataset);
        match renameat_with(CWD, &staged.path, CWD, &target, RenameFlags::NOREPLACE) {
            Ok(()) => self.commit(dataset),
            Err(rustix::io::Errno::EXIST) => Err(StorageError::exists(dataset)),
            Err(e) => Err(StorageError::io("make", dataset, e.into())),
        }
    }

    /// Gives the kernel the limit. Without quotas only the absence of a limit can be had.
    pub(super) fn limit(
        dir: &File,
        dataset: &DatasetName,
        attributes: &Attributes,
    ) -> Result<(), StorageError> {
        let failed = |e| StorageError::sys("limit", dataset, e);
        let id = btrfs::subvolume_of(dir).map_err(failed)?.id;
        match (
            btrfs::limit_qgroup(dir, id, attributes.limit()),
            attributes.limit(),
        ) {
            (Ok(()), _) => Ok(()),
            (Err(e), limit) if e.errno() == Some(rustix::io::Errno::NOTCONN.raw_os_error()) => {
                if limit.is_none() {
                    Ok(())
                } else {
                    Err(StorageError::QuotasOff {
                        object: dataset.to_string(),
                    })
                }
            }
            (Err(e), _) => Err(failed(e)),
        }
    }

    /// Throws away a staged subvolume, if it is there, with everything in it.
    pub(super) fn unstage(&self, name: &str) -> Result<(), StorageError> {
        Self::drop_subvolume(&self.staging(), name).map(|_| ())
    }

    /// Destroys a subvolume of osctl with whatever a guest nested in it. `false` if it is gone.
    pub(super) fn drop_subvolume(folder: &Path, name: &str) -> Result<bool, StorageError> {
        let Some(subvolume) = subvolume_at(&folder.join(name), &name)? else {
            return Ok(false);
        };
        let folder = open_folder(folder, &name)?;
        btrfs::destroy_subvolume_tree(&folder, name, subvolume.id)
            .map_err(|e| StorageError::sys("destroy", &name, e))?;
        Ok(true)
    }

    /// A copy has empty directories where the original had child datasets; they are no part of it.
    fn drop_placeholders(path: &Path, object: &DatasetName) -> Result<(), StorageError> {
        for name in subfolders(path, object)? {
            let child = path.join(name);
            let failed = |e| StorageError::sys("make", object, e);
            let dir = btrfs::open_directory(&child).map_err(failed)?;
            if btrfs::classify(&dir).map_err(failed)? == BtrfsDir::Placeholder {
                fs::remove_dir(&child).map_err(|e| StorageError::io("make", object, e))?;
            }
        }
        Ok(())
    }

    /// An unused staging name.
    pub(super) fn fresh_name(object: &DatasetName) -> Result<String, StorageError> {
        new_guid()
            .map(|g| format!("new-{g}"))
            .map_err(|e| StorageError::io("make", object, e))
    }

    /// Finishes or removes whatever a crash left. Nothing else may work on the pool meanwhile.
    pub(super) fn heal(&self) -> Result<(), StorageError> {
        let catalog = Catalog::read(self)?;
        for dataset in &catalog.datasets {
            self.finish_replacement(&dataset.name)?;
        }
        for name in subfolders(&self.staging(), &"staging")? {
            let path = self.staging().join(&name);
            let pending =
                read_xattr(&path, PENDING).map_err(|e| StorageError::sys("look at", &name, e))?;
            // With its mark it may hold child datasets; finish_replacement has emptied it unless
            // its dataset could not be found, and then it is left for a person to look at.
            if name.starts_with(DOOMED) {
                self.drop_doomed(&name)?;
            } else if pending.is_none() {
                self.unstage(&name)?;
            } else {
                tracing::warn!(path = %path.display(), "left: contents of a dataset that is gone");
            }
        }
        self.heal_transfers()
    }

    /// Destroys a dataset that was moved here, with the snapshots of it and of its children.
    pub(super) fn drop_doomed(&self, stage: &str) -> Result<(), StorageError> {
        let mut doomed = Vec::new();
        let pool = DatasetName::from(&self.place.name);
        walk(&self.staging().join(stage), &pool, &mut doomed)?;
        for entry in doomed {
            let folder = self.snapshot_folder(&entry.attributes.guid);
            for snapshot in subfolders(&folder, &stage)? {
                Self::drop_subvolume(&folder, &snapshot)?;
            }
            self.drop_snapshot_folder(&entry.attributes.guid)?;
        }
        self.unstage(stage)
    }

    /// Removes an empty directory of snapshots.
    pub(super) fn drop_snapshot_folder(&self, guid: &str) -> Result<(), StorageError> {
        match fs::remove_dir(self.snapshot_folder(guid)) {
            Ok(()) => Ok(()),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                ) =>
            {
                Ok(())
            }
            Err(e) => Err(StorageError::io("remove", &guid, e)),
        }
    }
}
