//! A look into a zpool that is imported and mounted nowhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use os_sys::ReadOnlyView;
use os_types::DatasetName;

use crate::{PoolView, StorageError};

/// Datasets that were looked at, mounted at no place until this is dropped.
#[derive(Debug, Default)]
pub(super) struct DatasetViews(RefCell<BTreeMap<DatasetName, ReadOnlyView>>);

impl PoolView for DatasetViews {
    fn folder(&self, dataset: &DatasetName) -> Result<PathBuf, StorageError> {
        let mut views = self.0.borrow_mut();
        if let Some(view) = views.get(dataset) {
            return Ok(view.root());
        }
        let source = Path::new(dataset.as_str());
        let view = ReadOnlyView::mount(source, "zfs", ("mntpoint", "/")).map_err(|e| {
            let object = dataset.to_string();
            match e.kind() {
                std::io::ErrorKind::NotFound => StorageError::NotFound { object },
                // What the kernel says of a dataset without its key.
                std::io::ErrorKind::PermissionDenied => StorageError::Locked { object },
                _ => StorageError::sys("look into", dataset, e),
            }
        })?;
        let root = view.root();
        views.insert(dataset.clone(), view);
        Ok(root)
    }
}
