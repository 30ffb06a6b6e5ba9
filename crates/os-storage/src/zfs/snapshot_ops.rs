//! Snapshots of a zpool.

use os_cmd::Invocation;
use os_types::{DatasetName, SnapshotName};

use super::contents::Contents;
use super::errors;
use super::mounts::Part;
use crate::{Change, PropertyEdit, SnapshotInfo, Snapshots, StorageError};

impl Snapshots for Contents {
    fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StorageError> {
        let all = self.snapshots_below(&self.top())?;
        Ok(all.into_iter().map(|s| s.info).collect())
    }

    fn has_snapshot(&self, snapshot: &SnapshotName) -> Result<bool, StorageError> {
        Ok(self.find_snapshot(snapshot)?.is_some())
    }

    fn snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        self.require(&snapshot.dataset())?;
        match self.change("make", snapshot, &["snapshot", snapshot.as_str()]) {
            Ok(()) => Ok(Change::Created),
            Err(StorageError::Exists { .. }) => Ok(Change::Unchanged),
            Err(error) => Err(error),
        }
    }

    fn destroy_snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        let Some(found) = self.find_snapshot(snapshot)? else {
            return Ok(Change::Unchanged);
        };
        let clones = found.info.clones.iter().map(ToString::to_string);
        StorageError::refuse_in_use(snapshot, clones.collect())?;
        self.change("destroy", snapshot, &["destroy", snapshot.as_str()])?;
        Ok(Change::Removed)
    }

    fn clone_snapshot(
        &self,
        snapshot: &SnapshotName,
        dataset: &DatasetName,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError> {
        if self.find_snapshot(snapshot)?.is_none() {
            return Err(StorageError::not_found(snapshot));
        }
        self.make(dataset, Some(snapshot), properties)
    }

    fn rollback(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        let dataset = snapshot.dataset();
        self.require(&dataset)?;
        let all = self.snapshots_of(&dataset)?;
        let mut after = all.iter().skip_while(|s| s.info.name != *snapshot);
        if after.next().is_none() {
            return Err(StorageError::not_found(snapshot));
        }
        let newer: Vec<_> = after.map(|s| s.info.name.to_string()).collect();
        if !newer.is_empty() {
            let object = snapshot.to_string();
            return Err(StorageError::NotNewest { object, newer });
        }
        // What was written a moment ago counts only once it is on disk.
        let sync = Invocation::new("zpool").args(["sync", self.place.name.as_str()]);
        let synced = self.runner.run(sync);
        synced.map_err(|error| errors::sort("write", &dataset, error))?;
        if self.require(&dataset)?.written == 0 {
            // A crash may have come before the children were mounted again.
            self.mount_tree(&dataset)?;
            return Ok(Change::Unchanged);
        }
        // The directories that children are mounted over may not be in the snapshot.
        self.unmount_tree(&dataset, Part::Below)?;
        let rolled = self.change("roll back", snapshot, &["rollback", snapshot.as_str()]);
        self.mount_tree(&dataset)?;
        rolled.map_err(|error| self.name_holders(&dataset, error))?;
        Ok(Change::Changed)
    }
}
