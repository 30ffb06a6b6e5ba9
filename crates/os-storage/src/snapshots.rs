//! Snapshots and clones.

use std::time::SystemTime;

use os_types::{ByteSize, DatasetName, SnapshotName};

use crate::{Change, PropertyEdit, StorageError};

/// The snapshots of one open pool. They follow their dataset when it is renamed.
pub trait Snapshots {
    /// All snapshots of the pool, grouped by dataset, oldest first within each.
    fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StorageError>;

    /// Whether there is such a snapshot; at a cost that the number of others does not change.
    fn has_snapshot(&self, snapshot: &SnapshotName) -> Result<bool, StorageError>;

    /// Takes a snapshot. One that exists is [`Change::Unchanged`], whatever it holds.
    fn snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError>;

    /// Destroys a snapshot. *Errors*: `InUse` names its clones.
    fn destroy_snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError>;

    /// Makes a dataset out of a snapshot, with these properties and none of the original.
    ///
    /// *Errors*: as for [`crate::Datasets::create`].
    fn clone_snapshot(
        &self,
        snapshot: &SnapshotName,
        dataset: &DatasetName,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError>;

    /// Throws away what the dataset changed since its newest snapshot; keeps properties, children
    /// and other snapshots. Nothing may have the dataset's files open: what is open goes on with
    /// the old contents.
    ///
    /// *Errors*: `NotNewest` names the snapshots that must be destroyed first.
    fn rollback(&self, snapshot: &SnapshotName) -> Result<Change, StorageError>;
}

/// Everything about one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its name.
    pub name: SnapshotName,
    /// Identifies its contents: the same on both sides of a send and receive.
    pub guid: String,
    /// When it was made on this pool.
    pub created: SystemTime,
    /// Space that only it holds.
    pub used: Option<ByteSize>,
    /// Space reachable through it.
    pub referenced: Option<ByteSize>,
    /// Datasets that are clones of it.
    pub clones: Vec<DatasetName>,
}
