//! Storage in plain files. A pool is a directory that is renamed to its mount point when it is opened, a dataset
//! is a directory with a file of properties in it, and a snapshot is an empty file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use os_storage::{
    Change, DatasetInfo, Datasets, DestroyScope, Inspection, NewImage, PoolContents, PoolError,
    PoolPlace, PoolSource, PoolStatus, PoolView, Pools, PropertyEdit, ReceiveRequest, Received,
    ResumeToken, SendReport, SendRequest, SnapshotInfo, Snapshots, StorageError, StreamError,
    Streams, Takeover,
};
use os_store::atomic::{self, Attributes};
use os_types::{AttrKey, ByteSize, DatasetName, SnapshotName};

/// The file that makes a directory a dataset: a line for each property, and one for its origin.
const DATASET: &str = ".dataset";
/// Before the name of a snapshot.
const SNAPSHOT: &str = ".snapshot-";
/// Before the snapshot that a dataset is a clone of.
const ORIGIN: &str = "origin ";

/// Pools whose sources are image files.
#[derive(Debug)]
pub(super) struct PlainPools;

/// The contents of an image while the pool is closed.
fn inside(source: &PoolSource) -> PathBuf {
    source.path().with_extension("inside")
}

pub(super) fn is_open(mountpoint: &Path) -> bool {
    mountpoint.join(DATASET).exists()
}

fn put(path: &Path, text: &str) {
    atomic::replace(path, text.as_bytes(), Attributes::mode(0o600)).unwrap();
}

fn make_dataset(folder: &Path, text: &str) {
    atomic::create_dir(folder, Attributes::mode(0o755)).unwrap();
    put(&folder.join(DATASET), text);
}

fn below(root: &Path, dataset: &DatasetName) -> PathBuf {
    match dataset.relative() {
        "" => root.to_owned(),
        relative => root.join(relative),
    }
}

struct View(PathBuf);

impl PoolView for View {
    fn folder(&self, dataset: &DatasetName) -> Result<PathBuf, StorageError> {
        Ok(below(&self.0, dataset))
    }
}

impl Pools for PlainPools {
    fn create(
        &self,
        _: &PoolPlace,
        source: &PoolSource,
        _: Option<NewImage>,
    ) -> Result<Change, PoolError> {
        make_dataset(&inside(source), "");
        put(source.path(), "an image\n");
        Ok(Change::Created)
    }

    fn open(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        _: Takeover,
        inspect: Inspection<'_>,
    ) -> Result<Change, PoolError> {
        let (inside, is_open) = (inside(source), is_open(&place.mountpoint));
        if !source.path().exists() {
            let path = source.path().to_owned();
            return Err(PoolError::NotFound { path });
        }
        let seen = if is_open { &place.mountpoint } else { &inside };
        inspect(&View(seen.clone())).map_err(|source| PoolError::Refused {
            pool: place.name.clone(),
            source,
        })?;
        if is_open {
            return Ok(Change::Unchanged);
        }
        fs::rename(inside, &place.mountpoint).unwrap();
        Ok(Change::Created)
    }

    fn close(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        if !is_open(&place.mountpoint) {
            return Ok(Change::Unchanged);
        }
        fs::rename(&place.mountpoint, inside(source)).unwrap();
        Ok(Change::Removed)
    }

    fn status(&self, place: &PoolPlace, source: &PoolSource) -> Result<PoolStatus, PoolError> {
        Ok(if !source.path().exists() {
            PoolStatus::Missing
        } else if is_open(&place.mountpoint) {
            let (size, available) = (ByteSize::gib(1), ByteSize::gib(1));
            let device = source.path().to_owned();
            PoolStatus::Open {
                device,
                size,
                available,
            }
        } else {
            PoolStatus::Closed
        })
    }

    fn destroy(&self, _: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        os_store::remove_tree(&inside(source)).unwrap();
        atomic::remove(source.path()).unwrap();
        Ok(Change::Removed)
    }

    fn contents(&self, place: &PoolPlace) -> Box<dyn PoolContents> {
        Box::new(PlainContents(place.clone()))
    }
}

/// The inside of a pool.
#[derive(Debug)]
struct PlainContents(PoolPlace);

impl PlainContents {
    fn folder(&self, dataset: &DatasetName) -> PathBuf {
        below(&self.0.mountpoint, dataset)
    }

    fn marker(&self, dataset: &DatasetName) -> PathBuf {
        self.folder(dataset).join(DATASET)
    }

    fn text(&self, dataset: &DatasetName) -> Option<String> {
        match fs::read_to_string(self.marker(dataset)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            text => Some(text.unwrap()),
        }
    }

    /// The dataset and all below it, parents first.
    fn walk(&self, dataset: &DatasetName) -> Vec<DatasetName> {
        let mut found = vec![dataset.clone()];
        let mut names: Vec<_> = fs::read_dir(self.folder(dataset))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        for name in names {
            if self.folder(dataset).join(&name).join(DATASET).exists() {
                found.extend(self.walk(&dataset.join(&name).unwrap()));
            }
        }
        found
    }

    fn all(&self) -> Vec<DatasetName> {
        self.walk(&DatasetName::from(&self.0.name))
    }

    fn snapshots_of(&self, dataset: &DatasetName) -> Vec<SnapshotName> {
        let names = fs::read_dir(self.folder(dataset)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let snapshots = names.filter_map(|name| Some(name.strip_prefix(SNAPSHOT)?.to_owned()));
        let snapshots = snapshots.map(|name| format!("{dataset}@{name}").parse().unwrap());
        snapshots.collect()
    }

    fn clones_of(&self, snapshot: &SnapshotName) -> Vec<DatasetName> {
        let line = format!("{ORIGIN}{snapshot}\n");
        let mut all = self.all();
        all.retain(|dataset| self.text(dataset).unwrap().contains(&line));
        all
    }

    fn make(&self, dataset: &DatasetName, text: &str) -> Result<Change, StorageError> {
        if self.marker(dataset).exists() {
            return Ok(Change::Unchanged);
        }
        let parent = dataset.parent().unwrap();
        if !self.marker(&parent).exists() {
            let object = parent.to_string();
            return Err(StorageError::NotFound { object });
        }
        make_dataset(&self.folder(dataset), text);
        Ok(Change::Created)
    }
}

impl Datasets for PlainContents {
    fn list(&self) -> Result<Vec<DatasetInfo>, StorageError> {
        let info = |name: DatasetName| DatasetInfo {
            guid: name.to_string(),
            created: SystemTime::UNIX_EPOCH,
            used: None,
            referenced: None,
            quota: None,
            refquota: None,
            origin: None,
            properties: self.properties(&name).unwrap().unwrap(),
            name,
        };
        Ok(self.all().into_iter().map(info).collect())
    }

    fn properties(
        &self,
        dataset: &DatasetName,
    ) -> Result<Option<BTreeMap<AttrKey, String>>, StorageError> {
        let text = self.text(dataset);
        Ok(text.map(|text| {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let pairs = pairs.map(|(key, value)| (key.parse().unwrap(), value.to_owned()));
            pairs.collect()
        }))
    }

    fn create(&self, dataset: &DatasetName, _: &[PropertyEdit]) -> Result<Change, StorageError> {
        self.make(dataset, "")
    }

    fn destroy(&self, dataset: &DatasetName, scope: DestroyScope) -> Result<Change, StorageError> {
        if !self.marker(dataset).exists() {
            return Ok(Change::Unchanged);
        }
        let datasets = self.walk(dataset);
        let snapshots: Vec<_> = datasets
            .iter()
            .flat_map(|it| self.snapshots_of(it))
            .collect();
        let by: Vec<_> = match scope {
            DestroyScope::Only => {
                let children = datasets.iter().skip(1).map(ToString::to_string);
                children
                    .chain(snapshots.iter().map(ToString::to_string))
                    .collect()
            }
            DestroyScope::Recursive => {
                let clones = snapshots.iter().flat_map(|it| self.clones_of(it));
                clones.map(|clone| clone.to_string()).collect()
            }
        };
        if !by.is_empty() {
            let object = dataset.to_string();
            return Err(StorageError::InUse { object, by });
        }
        os_store::remove_tree(&self.folder(dataset)).unwrap();
        Ok(Change::Removed)
    }

    fn rename(&self, from: &DatasetName, to: &DatasetName) -> Result<Change, StorageError> {
        assert!(
            self.snapshots_of(from).is_empty(),
            "nothing is cloned from {from}"
        );
        assert!(!self.folder(to).exists(), "{to} is in the way");
        fs::rename(self.folder(from), self.folder(to)).unwrap();
        Ok(Change::Changed)
    }

    fn set(&self, dataset: &DatasetName, edits: &[PropertyEdit]) -> Result<Change, StorageError> {
        let mut lines: Vec<String> = self
            .text(dataset)
            .unwrap()
            .lines()
            .map(Into::into)
            .collect();
        for edit in edits {
            let PropertyEdit::User(key, value) = edit else {
                panic!("no step sets {edit:?}");
            };
            lines.retain(|line| !line.starts_with(&format!("{key}=")));
            lines.extend(value.as_ref().map(|value| format!("{key}={value}")));
        }
        lines.sort();
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        put(&self.marker(dataset), &text);
        Ok(Change::Changed)
    }

    fn mountpoint(&self, dataset: &DatasetName) -> PathBuf {
        self.folder(dataset)
    }
}

impl Snapshots for PlainContents {
    fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StorageError> {
        let all = self.all().into_iter();
        let infos = all
            .flat_map(|it| self.snapshots_of(&it))
            .map(|name| SnapshotInfo {
                guid: name.to_string(),
                created: SystemTime::UNIX_EPOCH,
                used: None,
                referenced: None,
                clones: self.clones_of(&name),
                name,
            });
        Ok(infos.collect())
    }

    fn has_snapshot(&self, snapshot: &SnapshotName) -> Result<bool, StorageError> {
        let (dataset, name) = split(snapshot);
        Ok(self
            .folder(&dataset)
            .join(format!("{SNAPSHOT}{name}"))
            .exists())
    }

    fn snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        let (dataset, name) = split(snapshot);
        put(&self.folder(&dataset).join(format!("{SNAPSHOT}{name}")), "");
        Ok(Change::Created)
    }

    fn destroy_snapshot(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        panic!("no step destroys {snapshot}")
    }

    fn clone_snapshot(
        &self,
        snapshot: &SnapshotName,
        dataset: &DatasetName,
        _: &[PropertyEdit],
    ) -> Result<Change, StorageError> {
        if !self.has_snapshot(snapshot)? {
            let object = snapshot.to_string();
            return Err(StorageError::NotFound { object });
        }
        self.make(dataset, &format!("{ORIGIN}{snapshot}\n"))
    }

    fn rollback(&self, snapshot: &SnapshotName) -> Result<Change, StorageError> {
        panic!("no step rolls back to {snapshot}")
    }
}

fn split(snapshot: &SnapshotName) -> (DatasetName, String) {
    let (dataset, name) = snapshot.as_str().split_once('@').unwrap();
    (dataset.parse().unwrap(), name.to_owned())
}

impl Streams for PlainContents {
    fn send(&self, _: &SendRequest, _: &mut dyn Write) -> Result<SendReport, StreamError> {
        panic!("no step sends")
    }

    fn receive(&self, _: &ReceiveRequest, _: &mut dyn Read) -> Result<Received, StreamError> {
        panic!("no step receives")
    }

    fn resume_token(&self, _: &DatasetName) -> Result<Option<ResumeToken>, StreamError> {
        panic!("no step receives")
    }

    fn abort_receive(&self, _: &DatasetName) -> Result<Change, StreamError> {
        panic!("no step receives")
    }
}
