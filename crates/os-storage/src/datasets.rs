//! Datasets: named file trees with properties and limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use os_types::{AttrKey, ByteSize, DatasetName, SnapshotName};

use crate::{Change, StorageError};

/// The datasets of one open pool. The pool's own dataset has the pool's name and always exists.
pub trait Datasets {
    /// All datasets with everything about them, parents before children, siblings by name.
    fn list(&self) -> Result<Vec<DatasetInfo>, StorageError>;

    /// Properties of osctl of one dataset, `None` if there is no such; at a cost that the number of
    /// others does not change.
    fn properties(
        &self,
        dataset: &DatasetName,
    ) -> Result<Option<BTreeMap<AttrKey, String>>, StorageError>;

    /// Whether there is such a dataset; may cost less than its properties.
    fn exists(&self, dataset: &DatasetName) -> Result<bool, StorageError> {
        Ok(self.properties(dataset)?.is_some())
    }

    /// Makes an empty dataset; appears at once with all its properties, or not at all.
    ///
    /// *Errors*: `NotFound` names a missing parent; `Exists` if the dataset exists with other
    /// properties (with the same ones it is [`Change::Unchanged`]) or something else is there.
    fn create(
        &self,
        dataset: &DatasetName,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError>;

    /// Destroys a dataset.
    ///
    /// *Errors*: `InUse` names the children and snapshots ([`DestroyScope::Only`]) or the clones outside
    /// of the datasets to destroy ([`DestroyScope::Recursive`]).
    fn destroy(&self, dataset: &DatasetName, scope: DestroyScope) -> Result<Change, StorageError>;

    /// Renames a dataset with all its children and snapshots.
    ///
    /// Unchanged if `from` is gone and `to` is there.
    fn rename(&self, from: &DatasetName, to: &DatasetName) -> Result<Change, StorageError>;

    /// Changes properties.
    fn set(&self, dataset: &DatasetName, edits: &[PropertyEdit]) -> Result<Change, StorageError>;

    /// Where the dataset is mounted, as long as its pool is open; whether or not it exists.
    fn mountpoint(&self, dataset: &DatasetName) -> PathBuf;
}

/// How much is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestroyScope {
    /// The dataset, which must have neither children nor snapshots.
    Only,
    /// The dataset with its children and all snapshots.
    Recursive,
}

/// One change of a property; `None` takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyEdit {
    /// Limit of the dataset with its children and snapshots, as far as the backend can: btrfs
    /// counts only the dataset itself, so there it is the same as `Refquota` (the lower one holds).
    Quota(Option<ByteSize>),
    /// Limit of the dataset itself.
    Refquota(Option<ByteSize>),
    /// A property of osctl, for example `org.vpsadminos.osctl:active`; at most 8 KiB.
    User(AttrKey, Option<String>),
}

/// Everything about one dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInfo {
    /// Its name.
    pub name: DatasetName,
    /// Identifies it across renames and rollbacks. *Shape*: a UUID or a number, lower case.
    pub guid: String,
    /// When it was made.
    pub created: SystemTime,
    /// Space that would be free without it, its snapshots and its children.
    ///
    /// On btrfs: `referenced`, plus what only one of its snapshots has, plus its children. What two
    /// snapshots share and the dataset has lost is not counted.
    pub used: Option<ByteSize>,
    /// Space reachable through it, shared or not.
    pub referenced: Option<ByteSize>,
    /// Limit with children and snapshots.
    pub quota: Option<ByteSize>,
    /// Limit of itself.
    pub refquota: Option<ByteSize>,
    /// The snapshot it is a clone of.
    pub origin: Option<SnapshotName>,
    /// Properties of osctl.
    pub properties: BTreeMap<AttrKey, String>,
}
