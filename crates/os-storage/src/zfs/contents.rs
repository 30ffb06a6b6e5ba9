//! The inside of one imported pool: asking and changing it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use os_cmd::{CommandError, Invocation, Output, Runner};
use os_types::{DatasetName, SnapshotName};

use super::listing::{self, Dataset, ListingError, Snapshot};
use super::{errors, token};
use crate::{PoolError, PoolPlace, StorageError};

/// Destroying a large tree waits for its blocks to be found, not for their being freed.
const CHANGE_DEADLINE: Duration = Duration::from_mins(5);

/// One pool.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) place: PoolPlace,
    pub(super) runner: Arc<dyn Runner>,
}

impl Contents {
    pub(super) fn new(place: PoolPlace, runner: Arc<dyn Runner>) -> Self {
        Self { place, runner }
    }

    pub(super) fn root(&self) -> &Path {
        &self.place.mountpoint
    }

    /// The pool's own dataset.
    pub(super) fn top(&self) -> DatasetName {
        DatasetName::from(&self.place.name)
    }

    /// Where a dataset is, or would be.
    pub(super) fn path(&self, dataset: &DatasetName) -> PathBuf {
        crate::view::below(self.root(), dataset)
    }

    /// A program that changes something.
    pub(super) fn change(
        &self,
        action: &'static str,
        object: &dyn std::fmt::Display,
        args: &[&str],
    ) -> Result<(), StorageError> {
        let command = Invocation::new("zfs").args(args).deadline(CHANGE_DEADLINE);
        match self.runner.run(command) {
            Ok(_) => Ok(()),
            Err(error) => Err(errors::sort(action, object, error)),
        }
    }

    fn ask(&self, args: &[&str]) -> Result<Output, CommandError> {
        self.runner.run(Invocation::new("zfs").args(args))
    }

    /// A dataset with everything below it; nothing if it does not exist.
    pub(super) fn tree(&self, top: &DatasetName) -> Result<Vec<Dataset>, StorageError> {
        self.datasets(top, &["-r"])
    }

    /// One dataset; `None` if it does not exist. What is being received counts.
    pub(super) fn find_raw(&self, dataset: &DatasetName) -> Result<Option<Dataset>, StorageError> {
        if dataset.pool() != self.place.name {
            return Ok(None);
        }
        Ok(self.datasets(dataset, &[])?.pop())
    }

    /// One dataset; `None` if it does not exist, or not yet.
    pub(super) fn find(&self, dataset: &DatasetName) -> Result<Option<Dataset>, StorageError> {
        let found = self.find_raw(dataset)?;
        Ok(found.filter(|dataset| !self.is_partial(dataset)))
    }

    pub(super) fn require(&self, dataset: &DatasetName) -> Result<Dataset, StorageError> {
        self.find(dataset)?
            .ok_or_else(|| StorageError::not_found(dataset))
    }

    fn datasets(&self, top: &DatasetName, depth: &[&str]) -> Result<Vec<Dataset>, StorageError> {
        let mut args: Vec<&str> = listing::DATASETS.to_vec();
        args.extend(depth);
        args.push(top.as_str());
        match self.ask(&args).map_err(|e| errors::sort("list", top, e)) {
            Ok(output) => listing::datasets(&output.stdout).map_err(|e| unreadable(top, e)),
            Err(StorageError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Snapshots of a dataset and of everything below it; none if it does not exist.
    pub(super) fn snapshots_below(&self, top: &DatasetName) -> Result<Vec<Snapshot>, StorageError> {
        self.snapshots_in(top, &["-r"])
    }

    /// Snapshots of one dataset, oldest first.
    pub(super) fn snapshots_of(
        &self,
        dataset: &DatasetName,
    ) -> Result<Vec<Snapshot>, StorageError> {
        self.snapshots_in(dataset, &["-d", "1"])
    }

    fn snapshots_in(
        &self,
        top: &DatasetName,
        depth: &[&str],
    ) -> Result<Vec<Snapshot>, StorageError> {
        let columns = listing::SNAPSHOTS;
        let mut args = vec!["list", "-H", "-p", "-t", "snapshot", "-o", columns];
        args.extend(depth);
        args.push(top.as_str());
        match self.ask(&args).map_err(|e| errors::sort("list", top, e)) {
            Ok(output) => listing::snapshots(&output.text()).map_err(|e| unreadable(top, e)),
            Err(StorageError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// One snapshot; `None` if it does not exist.
    pub(super) fn find_snapshot(
        &self,
        snapshot: &SnapshotName,
    ) -> Result<Option<Snapshot>, StorageError> {
        if snapshot.dataset().pool() != self.place.name {
            return Ok(None);
        }
        let columns = listing::SNAPSHOTS;
        let args = ["list", "-H", "-p", "-t", "snapshot", "-o", columns];
        let args = [&args[..], &[snapshot.as_str()]].concat();
        match self
            .ask(&args)
            .map_err(|e| errors::sort("look at", snapshot, e))
        {
            Ok(output) => {
                let found = listing::snapshots(&output.text());
                Ok(found.map_err(|e| unreadable(snapshot, e))?.pop())
            }
            Err(StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a dataset is the beginning of one that is being received: for us it is not there.
    /// An interrupted difference hides nothing, its dataset is as it was.
    pub(super) fn is_partial(&self, dataset: &Dataset) -> bool {
        let token = dataset.token.as_ref();
        let read = token.and_then(|token| token::read(&*self.runner, token));
        read.is_some_and(|token| token.base_guid.is_none())
    }
}

fn unreadable(object: &dyn std::fmt::Display, source: ListingError) -> StorageError {
    StorageError::System {
        action: "list",
        object: object.to_string(),
        source: Box::new(source),
    }
}

pub(super) fn inside(contents: &Contents, source: StorageError) -> PoolError {
    let pool = contents.place.name.clone();
    match source {
        StorageError::Busy { holders, .. } => PoolError::Busy { pool, holders },
        source => PoolError::Contents { pool, source },
    }
}
