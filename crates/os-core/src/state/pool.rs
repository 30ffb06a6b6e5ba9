//! One imported pool: what its configuration files say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_api::event::EntityChange;
use os_store::document::{self, Fault};
use os_store::{Document, DocumentError};
use os_types::{Code, ContainerName, DatasetName, EntityRef, Failure};
use os_types::{GroupName, IdRangeName, PoolName, UserName};

use super::entry::{Damage, Entry, Loaded};
use super::{Changed, LoadError};
use crate::document::{ContainerDoc, GroupDoc, IdRangeDoc, PoolDoc, UserDoc};
use crate::layout;

/// Entities of one kind by name.
pub type Table<K, T> = BTreeMap<K, Entry<T>>;

/// The configuration of one pool.
#[derive(Debug, Clone)]
pub struct PoolState {
    name: PoolName,
    dataset: DatasetName,
    folder: PathBuf,
    config: Option<Entry<PoolDoc>>,
    id_ranges: Arc<Table<IdRangeName, IdRangeDoc>>,
    users: Arc<Table<UserName, UserDoc>>,
    groups: Arc<Table<GroupName, GroupDoc>>,
    containers: Arc<Table<ContainerName, ContainerDoc>>,
    strays: Arc<BTreeSet<String>>,
}

/// What was found in a file.
pub(super) enum Content<'a> {
    Text(&'a str),
    /// It cannot be read, or is no text.
    Unreadable(LoadError),
}

impl PoolState {
    /// A pool without any file, kept below `dataset`, whose directory on this host is `folder`.
    pub fn new(dataset: &DatasetName, folder: impl Into<PathBuf>) -> Self {
        Self {
            name: dataset.pool(),
            dataset: dataset.clone(),
            folder: folder.into(),
            config: None,
            id_ranges: Arc::default(),
            users: Arc::default(),
            groups: Arc::default(),
            containers: Arc::default(),
            strays: Arc::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &PoolName {
        &self.name
    }

    /// The dataset that everything is kept below: the pool's own, or a scoped one.
    pub fn dataset(&self) -> &DatasetName {
        &self.dataset
    }

    /// The directory of that dataset on this host.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its settings, `None` while the file is missing.
    pub fn config(&self) -> Option<&Entry<PoolDoc>> {
        self.config.as_ref()
    }

    /// Its settings, or the defaults while they cannot be read.
    pub fn settings(&self) -> PoolDoc {
        let doc = self.config.as_ref().and_then(Entry::doc);
        doc.cloned().unwrap_or_default()
    }

    /// Its id ranges.
    pub fn id_ranges(&self) -> &Table<IdRangeName, IdRangeDoc> {
        &self.id_ranges
    }

    /// Its users.
    pub fn users(&self) -> &Table<UserName, UserDoc> {
        &self.users
    }

    /// Its groups.
    pub fn groups(&self) -> &Table<GroupName, GroupDoc> {
        &self.groups
    }

    /// Its containers.
    pub fn containers(&self) -> &Table<ContainerName, ContainerDoc> {
        &self.containers
    }

    /// Files in the directories of entities whose names are not those of entities, below the directory.
    pub fn strays(&self) -> &BTreeSet<String> {
        &self.strays
    }

    /// What is wrong with its files, one each.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let config = self.config.iter().filter_map(Entry::failure);
        let ranges = self.id_ranges.values().filter_map(Entry::failure);
        let users = self.users.values().filter_map(Entry::failure);
        let groups = self.groups.values().filter_map(Entry::failure);
        let containers = self.containers.values().filter_map(Entry::failure);
        let others = users.chain(groups).chain(containers);
        config.chain(ranges).chain(others)
    }

    /// Takes over the new content of a file, `None` if it is gone.
    ///
    /// *Shape*: `relative` as in [`layout::config_path`]; other files are left alone. Answers the
    /// entity if it is now another than before.
    pub fn apply_file(&mut self, relative: &str, text: Option<&str>) -> Option<Changed> {
        self.apply(relative, text.map(Content::Text))
    }

    pub(super) fn apply(
        &mut self,
        relative: &str,
        content: Option<Content<'_>>,
    ) -> Option<Changed> {
        let entity = layout::entity_of(&self.name, relative)?;
        let file = File {
            pool: &self.name,
            path: self.folder.join(relative),
            entity: &entity,
        };
        let change = match &entity {
            EntityRef::Host | EntityRef::Image { .. } => None,
            EntityRef::Container { name, .. } => {
                file.put(Arc::make_mut(&mut self.containers), name, content)
            }
            EntityRef::Pool { .. } => {
                let mut table = BTreeMap::new();
                table.extend(self.config.take().map(|config| ((), config)));
                let change = file.put(&mut table, &(), content);
                self.config = table.remove(&());
                change
            }
            EntityRef::IdRange { name, .. } => {
                file.put(Arc::make_mut(&mut self.id_ranges), name, content)
            }
            EntityRef::User { name, .. } => file.put(Arc::make_mut(&mut self.users), name, content),
            EntityRef::Group { name, .. } => {
                file.put(Arc::make_mut(&mut self.groups), name, content)
            }
        };
        change.map(|change| Changed { entity, change })
    }

    pub(super) fn add_stray(&mut self, relative: String) {
        Arc::make_mut(&mut self.strays).insert(relative);
    }
}

/// A file whose content is being taken over.
struct File<'a> {
    pool: &'a PoolName,
    path: PathBuf,
    entity: &'a EntityRef,
}

impl File<'_> {
    fn put<K: Ord + Clone, T: Document>(
        &self,
        table: &mut Table<K, T>,
        key: &K,
        content: Option<Content<'_>>,
    ) -> Option<EntityChange> {
        let Some(content) = content else {
            return table.remove(key).map(|_gone| EntityChange::Removed);
        };
        let known = table.get(key);
        if let (Some(entry), Content::Text(text)) = (known, &content)
            && entry.text() == Some(text)
        {
            return None;
        }
        let change = known.map_or(EntityChange::Added, |_known| EntityChange::Changed);
        table.insert(key.clone(), self.read(content));
        Some(change)
    }

    fn read<T: Document>(&self, content: Content<'_>) -> Entry<T> {
        let (failure, text) = match content {
            Content::Unreadable(error) => (Failure::from(error), None),
            Content::Text(text) => match document::parse(text) {
                Ok(doc) => {
                    let text = text.to_owned();
                    return Entry::Ok(Arc::new(Loaded { doc, text }));
                }
                Err(error) => (self.damage(&error), Some(text.to_owned())),
            },
        };
        let failure = failure
            .about(self.entity)
            .next(format!("osctl pool reload {}", self.pool));
        Entry::Damaged(Arc::new(Damage { failure, text }))
    }

    fn damage(&self, error: &DocumentError) -> Failure {
        let code = match error.fault {
            Fault::TooNew { .. } => Code::PoolSchema,
            _ => Code::Damaged,
        };
        Failure::new(code, error.at(&self.path).to_string())
    }
}
