//! Snapshots of a btrfs pool.

use os_sys::{Access, btrfs};
use os_types::{DatasetName, SnapshotName};

use super::attributes::Attributes;
use super::catalog::{Catalog, SnapshotEntry, subvolume_at};
use super::contents::{Contents, Found, make_folder, new_guid, open_folder};
use crate::{Change, PropertyEdit, SnapshotInfo, Snapshots, StorageError};

impl Snapshots for Contents {
    fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StorageError> {
        let figures = self.figures()?;
        Ok(Catalog::read(self)?.snapshot_infos(figures.as_ref()))
    }

    fn has_snapshot(&self, snapshot: &SnapshotName) -> Result<bool, StorageError> {
        let Some(found) = self.find(&snapshot.dataset())? else {
            return Ok(false);
        };
        let folder = self.snapshot_folder(&found.attributes.guid);
        let subvolume = subvolume_at(&folder.join(snapshot.short()), snapshot)?;
        Ok(subvolume.is_some_and(|subvolume| subvolume.access == Access::ReadOnly))
    }

    fn snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        let dataset = snapshot.dataset();
        let found = self.require(&dataset)?;
        let folder = self.snapshot_folder(&found.attributes.guid);
        make_folder(&folder).map_err(|e| StorageError::io("make", snapshot, e))?;
        match subvolume_at(&folder.join(snapshot.short()), snapshot)? {
            Some(s) if s.access == Access::ReadOnly => return Ok(Change::Unchanged),
            // What a broken receive left. Its spool is kept: repeating it makes it again.
            Some(_) => {
                Self::drop_subvolume(&folder, snapshot.short())?;
            }
            None => {}
        }
        let folder = open_folder(&folder, snapshot)?;
        btrfs::snapshot_subvolume(&found.dir, &folder, snapshot.short(), Access::ReadOnly)
            .map_err(|e| StorageError::sys("make", snapshot, e))?;
        self.commit(snapshot)?;
        Ok(Change::Created)
    }

    fn destroy_snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        let dataset = snapshot.dataset();
        let Some(found) = self.find(&dataset)? else {
            return Ok(Change::Unchanged);
        };
        let folder = self.snapshot_folder(&found.attributes.guid);
        let Some(subvolume) = subvolume_at(&folder.join(snapshot.short()), snapshot)? else {
            return Ok(Change::Unchanged);
        };
        let catalog = Catalog::read(self)?;
        let clones = catalog.clones_of(&btrfs::format_uuid(&subvolume.uuid));
        StorageError::refuse_in_use(snapshot, clones.iter().map(ToString::to_string).collect())?;
        Self::drop_subvolume(&folder, snapshot.short())?;
        self.drop_snapshot_folder(&found.attributes.guid)?;
        self.commit(snapshot)?;
        Ok(Change::Removed)
    }

    fn clone_snapshot(
        &self,
        snapshot: &SnapshotName,
        dataset: &DatasetName,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError> {
        let (found, entry) = self.require_snapshot(snapshot)?;
        let guid = new_guid().map_err(|e| StorageError::io("make", dataset, e))?;
        let mut attributes = Attributes::fresh(guid, Some(entry.identity()));
        attributes.edit(properties)?;
        if let Some(change) = self.check_target(dataset, &attributes)? {
            return Ok(change);
        }
        let folder = self.snapshot_folder(&found.attributes.guid);
        let source = open_folder(&folder.join(snapshot.short()), snapshot)?;
        let stage = Self::fresh_name(dataset)?;
        let made = self
            .stage(&stage, Some(&source), dataset)
            .and_then(|staged| self.publish(&staged, dataset, &attributes));
        self.or_unstage(made, &stage).map(|()| Change::Created)
    }

    fn rollback(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        let dataset = snapshot.dataset();
        Self::refuse_rollback_of_pool(&dataset)?;
        self.finish_replacement(&dataset)?;
        let (found, entry) = self.require_snapshot(snapshot)?;
        let all = self.snapshots_of(&dataset, &found.attributes.guid)?;
        let newer: Vec<_> = all
            .iter()
            .skip_while(|s| s.name != *snapshot)
            .skip(1)
            .map(|s| s.name.to_string())
            .collect();
        if !newer.is_empty() {
            let object = snapshot.to_string();
            return Err(StorageError::NotNewest { object, newer });
        }
        if self.is_clean(&dataset, &found, &entry)? {
            return Ok(Change::Unchanged);
        }
        self.replace(&dataset, &entry)?;
        Ok(Change::Changed)
    }
}

impl Contents {
    /// A finished snapshot with its dataset.
    pub(super) fn require_snapshot(
        &self,
        snapshot: &SnapshotName,
    ) -> Result<(Found, SnapshotEntry), StorageError> {
        let found = self
            .find(&snapshot.dataset())?
            .ok_or_else(|| StorageError::not_found(snapshot))?;
        let path = self
            .snapshot_folder(&found.attributes.guid)
            .join(snapshot.short());
        match subvolume_at(&path, snapshot)? {
            Some(subvolume) if subvolume.access == Access::ReadOnly => Ok((
                found,
                SnapshotEntry {
                    name: snapshot.clone(),
                    subvolume,
                },
            )),
            _ => Err(StorageError::not_found(snapshot)),
        }
    }

    fn refuse_rollback_of_pool(dataset: &DatasetName) -> Result<(), StorageError> {
        if dataset.parent().is_some() {
            return Ok(());
        }
        Err(StorageError::Invalid {
            object: dataset.to_string(),
            reason: "the pool's own dataset cannot be rolled back: it is the mount itself",
        })
    }
}
