//! Datasets of a zpool.

use std::collections::BTreeMap;
use std::path::PathBuf;

use os_types::{AttrKey, DatasetName, SnapshotName};

use super::contents::Contents;
use super::edits::Choice;
use super::mounts::Part;
use crate::{Change, DatasetInfo, Datasets, DestroyScope, PropertyEdit, StorageError};

impl Datasets for Contents {
    fn list(&self) -> Result<Vec<DatasetInfo>, StorageError> {
        let all = self.tree(&self.top())?;
        if all.is_empty() {
            return Err(StorageError::not_found(&self.place.name));
        }
        let whole = all.into_iter().filter(|d| !self.is_partial(d));
        Ok(whole.map(|d| d.info).collect())
    }

    fn properties(
        &self,
        dataset: &DatasetName,
    ) -> Result<Option<BTreeMap<AttrKey, String>>, StorageError> {
        Ok(self.find(dataset)?.map(|d| d.info.properties))
    }

    fn exists(&self, dataset: &DatasetName) -> Result<bool, StorageError> {
        // What is mounted is there, and to know that takes no process.
        Ok(self.is_mounted(dataset)? || self.find(dataset)?.is_some())
    }

    fn create(
        &self,
        dataset: &DatasetName,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError> {
        self.make(dataset, None, properties)
    }

    fn destroy(&self, dataset: &DatasetName, scope: DestroyScope) -> Result<Change, StorageError> {
        self.place.refuse_root(dataset)?;
        let Some(found) = self.find_raw(dataset)? else {
            return Ok(Change::Unchanged);
        };
        if self.is_partial(&found) {
            return self.abort(dataset);
        }
        let tree = self.tree(dataset)?;
        for entry in tree.iter().filter(|d| d.token.is_some()) {
            self.abort(&entry.info.name)?;
        }
        let tree = self.tree(dataset)?;
        let snapshots = self.snapshots_below(dataset)?;
        let inside = |name: &DatasetName| name == dataset || name.is_below(dataset);
        let by: Vec<String> = match scope {
            DestroyScope::Only => {
                let children = tree.iter().map(|d| &d.info.name);
                let children = children.filter(|name| name.is_below(dataset));
                let own = snapshots.iter().map(|s| &s.info.name);
                let own = own.filter(|name| name.dataset() == *dataset);
                children
                    .map(ToString::to_string)
                    .chain(own.map(ToString::to_string))
                    .collect()
            }
            DestroyScope::Recursive => {
                let clones = snapshots.iter().flat_map(|s| &s.info.clones);
                let outer = clones.filter(|clone| !inside(clone));
                outer.map(ToString::to_string).collect()
            }
        };
        StorageError::refuse_in_use(dataset, by)?;
        self.unmount_tree(dataset, Part::Whole)?;
        self.drop_placeholder(dataset);
        let args: &[&str] = match scope {
            DestroyScope::Only => &["destroy"],
            DestroyScope::Recursive => &["destroy", "-r"],
        };
        let args = [args, &[dataset.as_str()]].concat();
        if let Err(error) = self.change("destroy", dataset, &args) {
            if let Err(error) = self.mount_tree(dataset) {
                tracing::warn!(%dataset, %error, "dataset stays unmounted");
            }
            return Err(self.name_holders(dataset, error));
        }
        Ok(Change::Removed)
    }

    fn rename(&self, from: &DatasetName, to: &DatasetName) -> Result<Change, StorageError> {
        let exist = [self.find(from)?.is_some(), self.find(to)?.is_some()];
        if !self.place.is_to_rename(from, to, exist)? {
            // A crash may have come between the new name and the new place.
            self.mount_tree(to)?;
            return Ok(Change::Unchanged);
        }
        self.check_new(to)?;
        self.unmount_tree(from, Part::Whole)?;
        self.drop_placeholder(from);
        let args = ["rename", "-u", from.as_str(), to.as_str()];
        let renamed = self.change("rename", from, &args);
        self.mount_tree(if renamed.is_ok() { to } else { from })?;
        renamed.map_err(|error| self.name_holders(from, error))?;
        Ok(Change::Changed)
    }

    fn set(&self, dataset: &DatasetName, edits: &[PropertyEdit]) -> Result<Change, StorageError> {
        let before = Choice::of(&self.require(dataset)?.info);
        let wanted = before.clone().edit(edits)?;
        if wanted == before {
            return Ok(Change::Unchanged);
        }
        let settings = wanted.settings_after(&before);
        if !settings.is_empty() {
            let mut args = vec!["set"];
            args.extend(settings.iter().map(String::as_str));
            args.push(dataset.as_str());
            self.change("change", dataset, &args)?;
        }
        for key in wanted.removed_since(&before) {
            let args = ["inherit", key.as_str(), dataset.as_str()];
            self.change("change", dataset, &args)?;
        }
        Ok(Change::Changed)
    }

    fn mountpoint(&self, dataset: &DatasetName) -> PathBuf {
        self.path(dataset)
    }
}

impl Contents {
    /// Makes an empty dataset, or a clone.
    pub(super) fn make(
        &self,
        dataset: &DatasetName,
        origin: Option<&SnapshotName>,
        properties: &[PropertyEdit],
    ) -> Result<Change, StorageError> {
        let wanted = Choice::default().edit(properties)?;
        // Most of the time it is not there: asking first would double what a process costs.
        if self.is_place_known(dataset)? {
            match self.make_now(dataset, origin, &wanted) {
                Err(StorageError::Exists { .. }) => {}
                made => return made.map(|()| Change::Created),
            }
        }
        if let Some(found) = self.find_raw(dataset)? {
            let same = Choice::of(&found.info) == wanted && found.info.origin.as_ref() == origin;
            if !same || self.is_partial(&found) {
                return Err(StorageError::exists(dataset));
            }
            // A crash may have come before it was mounted.
            self.mount_tree(dataset)?;
            return Ok(Change::Unchanged);
        }
        self.check_new(dataset)?;
        self.make_now(dataset, origin, &wanted)?;
        Ok(Change::Created)
    }

    /// Makes a dataset that is not there.
    fn make_now(
        &self,
        dataset: &DatasetName,
        origin: Option<&SnapshotName>,
        wanted: &Choice,
    ) -> Result<(), StorageError> {
        let settings = wanted.settings();
        let mut args = match origin {
            None => vec!["create", "-u"],
            Some(_) => vec!["clone"],
        };
        for setting in &settings {
            args.extend(["-o", setting]);
        }
        args.extend(origin.map(SnapshotName::as_str));
        args.push(dataset.as_str());
        self.change("make", dataset, &args)?;
        self.mount_new(dataset)
    }

    /// Whether a dataset can be made under a name that none may have: its parent is mounted, so it
    /// is there and its key too, and nothing is at its place.
    fn is_place_known(&self, dataset: &DatasetName) -> Result<bool, StorageError> {
        let Some(parent) = dataset.parent() else {
            return Ok(false);
        };
        Ok(self.is_mounted(&parent)? && !self.is_place_taken(dataset)?)
    }

    /// Whether a dataset can be made under a name that none has.
    pub(super) fn check_new(&self, dataset: &DatasetName) -> Result<(), StorageError> {
        let Some(parent) = dataset.parent() else {
            return Err(StorageError::not_found(dataset));
        };
        if self.require(&parent)?.locked {
            let object = parent.to_string();
            return Err(StorageError::Locked { object });
        }
        if self.is_place_taken(dataset)? {
            return Err(StorageError::exists(dataset));
        }
        Ok(())
    }
}
