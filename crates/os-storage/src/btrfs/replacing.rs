//! Putting the contents of a snapshot in the place of a dataset.
//!
//! ```text
//!   copy ── mark ── move children ── exchange ── destroy old ── unmark
//!        │                         │
//!        │ crash: thrown away      │ crash: finished, from here on too
//! ```
//!
//! The copy is made in the staging directory and marked once it is whole. From the mark on the
//! replacement is always finished, by the same call repeated or by the next open, since the child
//! datasets may be on either side of it. The exchange itself is one rename.

use std::path::Path;

use os_sys::btrfs;
use os_sys::{remove_xattr, set_xattr};
use os_types::DatasetName;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::attributes::{CLEAN, PENDING, read_text};
use super::catalog::{SnapshotEntry, subfolders, subvolume_at};
use super::contents::{Contents, Found, open_folder};
use crate::StorageError;

fn stage_name(guid: &str) -> String {
    format!("replace-{guid}")
}

impl Contents {
    /// Replaces the contents of a dataset; keeps its identity, properties and children.
    pub(super) fn replace(
        &self,
        dataset: &DatasetName,
        snapshot: &SnapshotEntry,
    ) -> Result<(), StorageError> {
        self.finish_replacement(dataset)?;
        let found = self.require(dataset)?;
        let guid = &found.attributes.guid;
        let stage = stage_name(guid);
        self.unstage(&stage)?;
        let source = self.snapshot_folder(guid).join(snapshot.name.short());
        let source = open_folder(&source, dataset)?;
        let prepared = self
            .stage(&stage, Some(&source), dataset)
            .and_then(|staged| {
                Self::limit(&staged.dir, dataset, &found.attributes)?;
                found
                    .attributes
                    .write(&staged.path)
                    .map_err(|e| fail(dataset, e))?;
                set_xattr(&staged.path, PENDING, snapshot.guid().as_bytes())
                    .map_err(|e| fail(dataset, e))
            });
        self.or_unstage(prepared, &stage)?;
        self.commit(dataset)?;
        self.finish_replacement(dataset)?;
        self.record_clean(dataset, snapshot)
    }

    /// Goes on with a replacement that was interrupted after its mark; nothing if there is none.
    pub(super) fn finish_replacement(&self, dataset: &DatasetName) -> Result<(), StorageError> {
        let Some(found) = self.find(dataset)? else {
            return Ok(());
        };
        let stage = stage_name(&found.attributes.guid);
        let staged = self.staging().join(&stage);
        let exchanged = read_text(&found.path, PENDING)
            .map_err(|e| fail(dataset, e))?
            .is_some();
        if !exchanged {
            if subvolume_at(&staged, dataset)?.is_none() {
                return Ok(());
            }
            if read_text(&staged, PENDING)
                .map_err(|e| fail(dataset, e))?
                .is_none()
            {
                return self.unstage(&stage);
            }
            Self::move_children(dataset, &found, &staged)?;
            renameat_with(CWD, &staged, CWD, &found.path, RenameFlags::EXCHANGE)
                .map_err(|e| StorageError::io("replace", dataset, e.into()))?;
            self.commit(dataset)?;
        }
        self.unstage(&stage)?;
        remove_xattr(&found.path, PENDING).map_err(|e| fail(dataset, e))?;
        self.commit(dataset)
    }

    fn move_children(
        dataset: &DatasetName,
        found: &Found,
        staged: &Path,
    ) -> Result<(), StorageError> {
        for child in subfolders(&found.path, dataset)? {
            let from = found.path.join(&child);
            if Self::dataset_at(&from, dataset)?.is_none() {
                continue;
            }
            let to = staged.join(&child);
            renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
                .map_err(|e| StorageError::io("replace", dataset, e.into()))?;
        }
        Ok(())
    }

    /// Remembers that the dataset holds exactly what the snapshot does.
    pub(super) fn record_clean(
        &self,
        dataset: &DatasetName,
        snapshot: &SnapshotEntry,
    ) -> Result<(), StorageError> {
        let found = self.require(dataset)?;
        let now = Self::settled(dataset, &found)?;
        let folder = self.snapshot_folder(&found.attributes.guid);
        let text = format!("{}:{now}", snapshot.guid());
        set_xattr(&folder, CLEAN, text.as_bytes()).map_err(|e| fail(dataset, e))?;
        self.commit(dataset)
    }

    /// Whether the dataset holds exactly what its snapshot does.
    pub(super) fn is_clean(
        &self,
        dataset: &DatasetName,
        found: &Found,
        snapshot: &SnapshotEntry,
    ) -> Result<bool, StorageError> {
        let now = Self::settled(dataset, found)?;
        let folder = self.snapshot_folder(&found.attributes.guid);
        let recorded = read_text(&folder, CLEAN).map_err(|e| fail(dataset, e))?;
        let same = recorded.is_some_and(|r| r == format!("{}:{now}", snapshot.guid()));
        // A snapshot taken here holds everything up to the transaction that made it.
        let taken_here = snapshot.subvolume.received_uuid == [0; 16];
        Ok(same || (taken_here && now <= snapshot.subvolume.born))
    }

    /// Transaction of the last change, after everything that is still in memory has got one.
    fn settled(dataset: &DatasetName, found: &Found) -> Result<u64, StorageError> {
        btrfs::sync_filesystem(&found.dir).map_err(|e| fail(dataset, e))?;
        Ok(found.subvolume(dataset)?.changed)
    }
}

fn fail(dataset: &DatasetName, e: os_sys::SysError) -> StorageError {
    StorageError::sys("replace", dataset, e)
}
