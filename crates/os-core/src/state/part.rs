//! The entries of keyed parts that apply to a pool, a group or a container.

use std::borrow::Cow;
use std::collections::BTreeMap;

use os_api::part::{Keyed, PartEntry};
use os_types::GroupName;

use super::{Entry, PoolState};
use crate::document::{ContainerDoc, GroupDoc, Holds, Inherited, PoolDoc};

/// The owner whose entries are asked for.
#[derive(Debug, Clone, Copy)]
pub enum PartOf<'a> {
    /// The pool itself.
    Pool,
    /// A group of it.
    Group(&'a GroupName),
    /// A container on it.
    Container(&'a ContainerDoc),
}

impl PoolState {
    /// The entries that apply to `owner`, by key, with their origin.
    ///
    /// Later ones win: the built-in entries, the pool, the groups from `/` down, the container.
    pub fn effective<P>(&self, owner: PartOf<'_>) -> Vec<PartEntry<P>>
    where
        P: Inherited,
        ContainerDoc: Holds<P>,
        GroupDoc: Holds<P>,
        PoolDoc: Holds<P>,
    {
        let mut all = BTreeMap::new();
        let mut add = |entries: &Keyed<P>, from: &dyn Fn() -> Cow<'static, str>| {
            for (key, value) in entries {
                all.insert(key.clone(), (value.clone(), from()));
            }
        };
        add(&P::built_in(), &|| "default".into());
        if let Some(doc) = self.config().and_then(Entry::doc) {
            add(doc.entries(), &|| "pool".into());
        }
        let (group, own) = match owner {
            PartOf::Pool => (None, None),
            PartOf::Group(group) => (Some(group), None),
            PartOf::Container(doc) => (Some(&doc.group), Some(doc)),
        };
        let mut line: Vec<GroupName> =
            std::iter::successors(group.cloned(), GroupName::parent).collect();
        line.reverse();
        for group in &line {
            let entry = self.groups().get(group);
            if let Some(doc) = entry.and_then(|entry| entry.doc()) {
                add(doc.entries(), &|| format!("group {group}").into());
            }
        }
        if let Some(doc) = own {
            add(doc.entries(), &|| "container".into());
        }
        let entry = |(key, (value, from))| PartEntry {
            key,
            value,
            from,
            pending: false,
        };
        all.into_iter().map(entry).collect()
    }
}
