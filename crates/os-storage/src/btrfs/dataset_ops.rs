//! Datasets of a btrfs pool.

use std::collections::BTreeMap;
use std::path::PathBuf;

use os_types::{AttrKey, DatasetName};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::attributes::Attributes;
use super::catalog::Catalog;
use super::contents::{Contents, SNAPSHOTS, STORAGE, new_guid};
use super::staging::DOOMED;
use crate::{Change, DatasetInfo, Datasets, DestroyScope, PropertyEdit, StorageError};

impl Datasets for Contents {
    fn list(&self) -> Result<Vec<DatasetInfo>, StorageError> {
        let figures = self.figures()?;
        Ok(Catalog::read(self)?.dataset_infos(figures.as_ref()))
    }

    fn properties(
        &self,
        dataset: &DatasetName,
    ) -> Result<Option<BTreeMap<AttrKey, String>>, StorageError> {
        Ok(self.find(dataset)?.map(|found| found.attributes.user))
    }

    fn create(
        &self,
        dataset: &DatasetName,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError> {
        let guid = new_guid().map_err(|e| StorageError::io("make", dataset, e))?;
        let mut attributes = Attributes::fresh(guid, None);
        attributes.edit(properties)?;
        if let Some(change) = self.check_target(dataset, &attributes)? {
            return Ok(change);
        }
        let stage = Self::fresh_name(dataset)?;
        let made = self
            .stage(&stage, None, dataset)
            .and_then(|staged| self.publish(&staged, dataset, &attributes));
        self.or_unstage(made, &stage).map(|()| Change::Created)
    }

    fn destroy(&self, dataset: &DatasetName, scope: DestroyScope) -> Result<Change, StorageError> {
        self.place.refuse_root(dataset)?;
        if self.find(dataset)?.is_none() {
            return Ok(Change::Unchanged);
        }
        let catalog = Catalog::read(self)?;
        match scope {
            DestroyScope::Only => refuse_dependents(&catalog, dataset)?,
            DestroyScope::Recursive => refuse_outer_clones(&catalog, dataset)?,
        }
        for entry in &catalog.datasets {
            if entry.name == *dataset || entry.name.is_below(dataset) {
                self.finish_replacement(&entry.name)?;
                self.abort_transfer(&entry.name)?;
            }
        }
        // The dataset disappears at once with all it has; what follows is only cleaning up.
        let stage = format!("{DOOMED}{}", self.require(dataset)?.attributes.guid);
        let (source, target) = (self.path(dataset), self.staging().join(&stage));
        renameat_with(CWD, source, CWD, target, RenameFlags::NOREPLACE)
            .map_err(|e| StorageError::io("destroy", dataset, e.into()))?;
        self.commit(dataset)?;
        self.drop_doomed(&stage)?;
        self.commit(dataset)?;
        Ok(Change::Removed)
    }

    fn rename(&self, from: &DatasetName, to: &DatasetName) -> Result<Change, StorageError> {
        let exist = [self.find(from)?.is_some(), self.find(to)?.is_some()];
        if !self.place.is_to_rename(from, to, exist)? {
            return Ok(Change::Unchanged);
        }
        self.check_parent(to)?;
        let (source, target) = (self.path(from), self.path(to));
        match renameat_with(CWD, source, CWD, target, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.commit(to)?;
                Ok(Change::Changed)
            }
            Err(rustix::io::Errno::EXIST) => Err(StorageError::exists(to)),
            Err(e) => Err(StorageError::io("rename", from, e.into())),
        }
    }

    fn set(&self, dataset: &DatasetName, edits: &[PropertyEdit]) -> Result<Change, StorageError> {
        let found = self.require(dataset)?;
        let mut wanted = found.attributes.clone();
        wanted.edit(edits)?;
        // The limit comes before its record, so that a crash in between is repaired by repeating.
        if wanted.limit() != found.attributes.limit() {
            Self::limit(&found.dir, dataset, &wanted)?;
        }
        if wanted == found.attributes {
            return Ok(Change::Unchanged);
        }
        wanted
            .write(&found.path)
            .map_err(|e| StorageError::sys("change", dataset, e))?;
        self.commit(dataset)?;
        Ok(Change::Changed)
    }

    fn mountpoint(&self, dataset: &DatasetName) -> PathBuf {
        self.path(dataset)
    }
}

impl Contents {
    /// Whether a dataset can be made under this name. `Some` if it is there just as wanted.
    pub(super) fn check_target(
        &self,
        dataset: &DatasetName,
        wanted: &Attributes,
    ) -> Result<Option<Change>, StorageError> {
        if let Some(found) = self.find(dataset)? {
            return if found.attributes.same_choice(wanted) {
                Ok(Some(Change::Unchanged))
            } else {
                Err(StorageError::exists(dataset))
            };
        }
        self.check_parent(dataset)?;
        if self.path(dataset).symlink_metadata().is_ok() {
            return Err(StorageError::exists(dataset));
        }
        Ok(None)
    }

    pub(super) fn check_parent(&self, dataset: &DatasetName) -> Result<(), StorageError> {
        let Some(parent) = dataset.parent() else {
            return Err(StorageError::not_found(dataset));
        };
        self.require(&parent)?;
        let first = dataset.relative().split('/').next();
        if matches!(first, Some(SNAPSHOTS | STORAGE)) {
            return Err(StorageError::Invalid {
                object: dataset.to_string(),
                reason: "this name is used by the pool itself",
            });
        }
        Ok(())
    }

    /// Cleans up after a failure. Anything that cannot be removed now is removed when the pool is opened next.
    pub(super) fn or_unstage(
        &self,
        result: Result<(), StorageError>,
        stage: &str,
    ) -> Result<(), StorageError> {
        if result.is_err()
            && let Err(error) = self.unstage(stage)
        {
            tracing::warn!(stage, %error, "staged dataset stays until the pool is opened again");
        }
        result
    }
}

fn refuse_dependents(catalog: &Catalog, dataset: &DatasetName) -> Result<(), StorageError> {
    let children = catalog.datasets.iter().filter(|d| d.name.is_below(dataset));
    let snapshots = catalog.snapshots_of(dataset);
    let by: Vec<_> = children
        .map(|d| d.name.to_string())
        .chain(snapshots.map(|s| s.name.to_string()))
        .collect();
    StorageError::refuse_in_use(dataset, by)
}

fn refuse_outer_clones(catalog: &Catalog, dataset: &DatasetName) -> Result<(), StorageError> {
    let inside = |name: &DatasetName| name == dataset || name.is_below(dataset);
    let doomed = catalog
        .snapshots
        .iter()
        .filter(|s| inside(&s.name.dataset()));
    let by: Vec<_> = doomed
        .flat_map(|s| catalog.clones_of(&s.identity()))
        .filter(|clone| !inside(clone))
        .map(ToString::to_string)
        .collect();
    StorageError::refuse_in_use(dataset, by)
}
