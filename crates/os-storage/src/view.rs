//! A pool as its inspector sees it.

use std::path::{Path, PathBuf};

use os_types::DatasetName;

use crate::StorageError;

/// A pool that can be looked into: mounted read-only at no place, or open anyway.
pub trait PoolView {
    /// Directory of a dataset, to be read while the view lives.
    ///
    /// *Shape*: a path for this process alone; that of another dataset is not below it. A missing dataset is
    /// reported when the path is read, or here as `NotFound`.
    fn folder(&self, dataset: &DatasetName) -> Result<PathBuf, StorageError>;
}

/// A pool that is all below one directory.
#[derive(Debug)]
pub(crate) struct FolderView<'a>(pub(crate) &'a Path);

impl PoolView for FolderView<'_> {
    fn folder(&self, dataset: &DatasetName) -> Result<PathBuf, StorageError> {
        Ok(below(self.0, dataset))
    }
}

/// Where a dataset is in a pool whose own dataset is at `root`.
pub(crate) fn below(root: &Path, dataset: &DatasetName) -> PathBuf {
    match dataset.relative() {
        "" => root.to_owned(),
        relative => root.join(relative),
    }
}
