//! Everything that is on a pool, read in one walk without starting a process.
//!
//! The walk goes through the roots of datasets only, which hold a handful of entries each; the
//! figures of all quota groups come from one search in the quota tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use os_sys::Access;
use os_sys::btrfs::{self, Qgroup, Subvolume};
use os_types::{ByteSize, DatasetName, SnapshotName};

use super::attributes::Attributes;
use super::contents::{Contents, SNAPSHOTS, STORAGE, is_absent, open_folder};
use crate::{DatasetInfo, SnapshotInfo, StorageError};

/// One dataset as found.
#[derive(Debug)]
pub(super) struct DatasetEntry {
    pub(super) name: DatasetName,
    pub(super) subvolume: Subvolume,
    pub(super) attributes: Attributes,
}

/// One finished snapshot as found.
#[derive(Debug)]
pub(super) struct SnapshotEntry {
    pub(super) name: SnapshotName,
    pub(super) subvolume: Subvolume,
}

impl SnapshotEntry {
    /// Identity of its contents, the same on every pool; two snapshots of one pool share it if
    /// one was received from the other.
    pub(super) fn guid(&self) -> String {
        guid_of(&self.subvolume)
    }

    /// Identity of itself, which is what a clone remembers.
    pub(super) fn identity(&self) -> String {
        btrfs::format_uuid(&self.subvolume.uuid)
    }
}

/// The guid of contents: where they were received from, or else where they were made.
pub(super) fn guid_of(subvolume: &Subvolume) -> String {
    let received = subvolume.received_uuid;
    btrfs::format_uuid(if received == [0; 16] {
        &subvolume.uuid
    } else {
        &received
    })
}

/// The pool as it is now.
#[derive(Debug)]
pub(super) struct Catalog {
    /// Parents before children, siblings by name.
    pub(super) datasets: Vec<DatasetEntry>,
    /// Grouped by dataset in that order, oldest first.
    pub(super) snapshots: Vec<SnapshotEntry>,
}

impl Catalog {
    pub(super) fn read(contents: &Contents) -> Result<Self, StorageError> {
        let root = DatasetName::from(&contents.place.name);
        let mut datasets = Vec::new();
        walk(contents.root(), &root, &mut datasets)?;
        let mut snapshots = Vec::new();
        for dataset in &datasets {
            snapshots.extend(contents.snapshots_of(&dataset.name, &dataset.attributes.guid)?);
        }
        Ok(Self {
            datasets,
            snapshots,
        })
    }

    pub(super) fn clones_of(&self, identity: &str) -> Vec<&DatasetName> {
        self.datasets
            .iter()
            .filter(|d| d.attributes.origin.as_deref() == Some(identity))
            .map(|d| &d.name)
            .collect()
    }

    pub(super) fn snapshots_of(
        &self,
        dataset: &DatasetName,
    ) -> impl Iterator<Item = &SnapshotEntry> {
        self.snapshots
            .iter()
            .filter(move |s| s.name.dataset() == *dataset)
    }

    pub(super) fn dataset_infos(
        &self,
        figures: Option<&BTreeMap<u64, Qgroup>>,
    ) -> Vec<DatasetInfo> {
        let used = figures.map(|figures| self.used(figures));
        let origins: BTreeMap<_, _> = self
            .snapshots
            .iter()
            .map(|s| (s.identity(), &s.name))
            .collect();
        let info = |d: &DatasetEntry| DatasetInfo {
            name: d.name.clone(),
            guid: d.attributes.guid.clone(),
            created: d.attributes.created.unwrap_or(d.subvolume.created),
            used: used
                .as_ref()
                .and_then(|u| u.get(&d.name))
                .copied()
                .map(ByteSize),
            referenced: group(figures, &d.subvolume).map(|g| ByteSize(g.referenced)),
            quota: d.attributes.quota,
            refquota: d.attributes.refquota,
            origin: d
                .attributes
                .origin
                .as_ref()
                .and_then(|o| origins.get(o))
                .copied()
                .cloned(),
            properties: d.attributes.user.clone(),
        };
        self.datasets.iter().map(info).collect()
    }

    pub(super) fn snapshot_infos(
        &self,
        figures: Option<&BTreeMap<u64, Qgroup>>,
    ) -> Vec<SnapshotInfo> {
        let info = |s: &SnapshotEntry| SnapshotInfo {
            name: s.name.clone(),
            guid: s.guid(),
            created: s.subvolume.created,
            used: group(figures, &s.subvolume).map(|g| ByteSize(g.exclusive)),
            referenced: group(figures, &s.subvolume).map(|g| ByteSize(g.referenced)),
            clones: self.clones_of(&s.identity()).into_iter().cloned().collect(),
        };
        self.snapshots.iter().map(info).collect()
    }

    /// Children come after their parents, so going backwards each sum is complete when it is added
    /// to the one above.
    fn used(&self, figures: &BTreeMap<u64, Qgroup>) -> BTreeMap<DatasetName, u64> {
        let mut sums = BTreeMap::<DatasetName, u64>::new();
        for snapshot in &self.snapshots {
            let own = figures
                .get(&snapshot.subvolume.id)
                .map_or(0, |g| g.exclusive);
            *sums.entry(snapshot.name.dataset()).or_default() += own;
        }
        for dataset in self.datasets.iter().rev() {
            let own = figures
                .get(&dataset.subvolume.id)
                .map_or(0, |g| g.referenced);
            let sum = sums.entry(dataset.name.clone()).or_default();
            *sum += own;
            let sum = *sum;
            if let Some(parent) = dataset.name.parent() {
                *sums.entry(parent).or_default() += sum;
            }
        }
        sums
    }
}

fn group<'a>(figures: Option<&'a BTreeMap<u64, Qgroup>>, of: &Subvolume) -> Option<&'a Qgroup> {
    figures?.get(&of.id)
}

/// Adds the dataset at a path, and all below it, to `out`.
pub(super) fn walk(
    path: &Path,
    name: &DatasetName,
    out: &mut Vec<DatasetEntry>,
) -> Result<(), StorageError> {
    let Some(found) = Contents::dataset_at(path, name)? else {
        return Ok(());
    };
    let subvolume = found.subvolume(name)?;
    let attributes = found.attributes;
    out.push(DatasetEntry {
        name: name.clone(),
        subvolume,
        attributes,
    });
    for child in subfolders(path, name)? {
        if child == SNAPSHOTS || child == STORAGE {
            continue;
        }
        if let Ok(child_name) = name.join(&child) {
            walk(&path.join(child), &child_name, out)?;
        }
    }
    Ok(())
}

/// Names of the directories in a directory, sorted. None if it is gone.
pub(super) fn subfolders(
    path: &Path,
    object: &dyn std::fmt::Display,
) -> Result<Vec<String>, StorageError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if is_absent(e.kind()) => return Ok(Vec::new()),
        Err(e) => return Err(StorageError::io("read", object, e)),
    };
    let folder = |entry: fs::DirEntry| {
        entry
            .file_type()
            .is_ok_and(|t| t.is_dir())
            .then(|| entry.file_name().into_string().ok())
    };
    let mut names: Vec<_> = entries.flatten().filter_map(folder).flatten().collect();
    names.sort_unstable();
    Ok(names)
}

impl Contents {
    /// Finished snapshots of one dataset, oldest first. A writable subvolume among them is what a
    /// broken receive left, and no snapshot.
    pub(super) fn snapshots_of(
        &self,
        dataset: &DatasetName,
        guid: &str,
    ) -> Result<Vec<SnapshotEntry>, StorageError> {
        let folder = self.snapshot_folder(guid);
        let mut found = Vec::new();
        for short in subfolders(&folder, dataset)? {
            let Ok(name) = SnapshotName::new(dataset, &short) else {
                continue;
            };
            if let Some(subvolume) = subvolume_at(&folder.join(&short), &name)?
                && subvolume.access == Access::ReadOnly
            {
                found.push(SnapshotEntry { name, subvolume });
            }
        }
        found.sort_by_key(|s| (s.subvolume.born, s.subvolume.id));
        Ok(found)
    }

    /// Figures of all subvolumes; `None` if the pool does not count.
    pub(super) fn figures(&self) -> Result<Option<BTreeMap<u64, Qgroup>>, StorageError> {
        let root = open_folder(self.root(), &self.place.name)?;
        btrfs::qgroups(&root).map_err(|e| StorageError::sys("read figures of", &self.place.name, e))
    }
}

/// The subvolume at a path of osctl, dataset or not.
pub(super) fn subvolume_at(
    path: &Path,
    object: &dyn std::fmt::Display,
) -> Result<Option<Subvolume>, StorageError> {
    let failed = |e| StorageError::sys("look at", object, e);
    let dir = match btrfs::open_directory(path) {
        Ok(dir) => dir,
        Err(e) if is_absent(e.kind()) => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    if btrfs::classify(&dir).map_err(failed)? != btrfs::BtrfsDir::Subvolume {
        return Ok(None);
    }
    btrfs::subvolume_of(&dir).map(Some).map_err(failed)
}
