//! Keyed parts in documents, and what a container inherits.

use std::collections::BTreeMap;

use os_api::part::{Keyed, Part, PartEntry, Prlimits};
use os_types::GroupName;

use super::{ContainerDoc, GroupDoc, PoolDoc};
use crate::state::PoolState;

/// A document with a table of the part `P`.
pub trait Holds<P: Part> {
    /// Its own entries.
    fn entries(&self) -> &Keyed<P>;
    /// Its own entries, to change them.
    fn entries_mut(&mut self) -> &mut Keyed<P>;
}

/// A part that containers, groups and pools have.
pub trait Inherited: Part
where
    ContainerDoc: Holds<Self>,
    GroupDoc: Holds<Self>,
    PoolDoc: Holds<Self>,
{
    /// The entries that apply to `owner`, by key, with their origin.
    ///
    /// Later ones win: the built-in entries, the pool, the groups from `/` down, the container.
    fn effective(pool: &PoolState, owner: Owner<'_>) -> Vec<PartEntry<Self>> {
        let mut all: BTreeMap<Self::Key, (Self::Value, String)> = BTreeMap::new();
        let mut add = |entries: &Keyed<Self>, from: &str| {
            for (key, value) in entries {
                all.insert(key.clone(), (value.clone(), from.to_owned()));
            }
        };
        add(&Self::built_in(), "default");
        add(pool.settings().entries(), "pool");
        let (group, own) = match owner {
            Owner::Pool => (None, None),
            Owner::Group(group) => (Some(group), None),
            Owner::Container(doc) => (Some(&doc.group), Some(doc)),
        };
        let mut line: Vec<GroupName> =
            std::iter::successors(group.cloned(), GroupName::parent).collect();
        line.reverse();
        for group in &line {
            let entry = pool.groups().get(group);
            if let Some(doc) = entry.and_then(|entry| entry.doc()) {
                add(doc.entries(), &format!("group {group}"));
            }
        }
        if let Some(doc) = own {
            add(doc.entries(), "container");
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

/// The owner whose entries are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// The pool itself.
    Pool,
    /// A group of it.
    Group(&'a GroupName),
    /// A container on it.
    Container(&'a ContainerDoc),
}

/// The entries without their origin.
pub fn values<P: Part>(entries: &[PartEntry<P>]) -> Keyed<P> {
    let pair = |entry: &PartEntry<P>| (entry.key.clone(), entry.value.clone());
    entries.iter().map(pair).collect()
}

/// Says in which field of the documents a part is.
macro_rules! inherited {
    ($($part:ident in $field:ident;)*) => {$(
        inherited!(@ $part $field ContainerDoc GroupDoc PoolDoc);
        impl Inherited for $part {}
    )*};
    (@ $part:ident $field:ident $($doc:ident)*) => {$(
        impl Holds<$part> for $doc {
            fn entries(&self) -> &Keyed<$part> {
                &self.$field
            }

            fn entries_mut(&mut self) -> &mut Keyed<$part> {
                &mut self.$field
            }
        }
    )*};
}

inherited! {
    Prlimits in prlimits;
}
