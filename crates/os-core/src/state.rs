//! The configuration of all imported pools in memory: a cache of their files.
//!
//! Readers take a clone, which shares everything with the original; a change copies what it has to.

mod entry;
mod identity;
mod load;
mod lookup;
mod part;
mod pool;
mod remember;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use entry::{Damage, Entry, Loaded};
pub use load::LoadError;
pub use lookup::{EntityName, Found, LookupError};
use os_api::event::EntityChange;
use os_types::{EntityRef, Failure, PoolName, PoolPath, UserName};
pub use part::PartOf;
pub use pool::{PoolState, Table};

use crate::document::{ContainerDoc, PoolIds, RememberedIds};
use crate::facts::ForeignIds;

/// What happened to an entity; for events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The entity.
    pub entity: EntityRef,
    /// What happened to it.
    pub change: EntityChange,
}

/// Users that cannot be used although their files are fine.
type Disabled = BTreeMap<PoolName, BTreeMap<UserName, Failure>>;

/// All imported pools, in the order of import, which users are disabled because of their ids, and the host ids of
/// all pools seen so far.
///
/// Invariant: `disabled` is what `resolve` makes of the rest; every change keeps it so, and
/// `remembered` consistent with it.
///
/// An operation that gives ids to somebody or takes them away *reserves* them before its first step,
/// until it ends. So
/// no other operation gives them away, and users with these ids on a pool that is imported meanwhile are disabled.
#[derive(Debug, Clone, Default)]
pub struct State {
    pools: Vec<PoolState>,
    foreign: Arc<ForeignIds>,
    disabled: Arc<Disabled>,
    remembered: Arc<RememberedIds>,
    reserved: Arc<BTreeMap<Reservation, RememberedIds>>,
}

/// The number of a reservation of ids.
pub type Reservation = u64;

impl State {
    /// No pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// No pool, on a host that has seen these.
    pub fn remembering(remembered: RememberedIds) -> Self {
        Self {
            remembered: Arc::new(remembered),
            ..Self::default()
        }
    }

    /// The host ids of all pools seen so far. A later state shares them until they change.
    pub fn remembered(&self) -> &Arc<RememberedIds> {
        &self.remembered
    }

    /// Reserves what [`crate::claim::verify`] has found in this state. On pools that
    /// are imported they are remembered from now on. Answers the users that are disabled by that.
    pub fn reserve(&mut self, ids: RememberedIds) -> (Reservation, Vec<Changed>) {
        let reserved = Arc::make_mut(&mut self.reserved);
        let number = reserved.last_key_value().map_or(0, |(last, _)| last + 1);
        reserved.insert(number, ids);
        (number, self.resolve())
    }

    /// Ends a reservation: what has come of it is in the files of the pools. Answers the users that
    /// are enabled by that.
    pub fn release(&mut self, reservation: Reservation) -> Vec<Changed> {
        Arc::make_mut(&mut self.reserved).remove(&reservation);
        self.resolve()
    }

    /// The ids that operations on their way have reserved, by pool.
    pub fn reserved(&self) -> impl Iterator<Item = (&PoolName, &PoolIds)> {
        self.reserved.values().flat_map(|ids| &ids.pools)
    }

    /// Gives up the host ids of a pool that is not imported; answers the users that are enabled by
    /// that.
    pub fn forget(&mut self, name: &PoolName) -> Vec<Changed> {
        if self.remembered.pools.contains_key(name) {
            Arc::make_mut(&mut self.remembered).pools.remove(name);
        }
        self.resolve()
    }

    /// The pools in the order of import; the first is the default pool.
    pub fn pools(&self) -> &[PoolState] {
        &self.pools
    }

    /// The pool of that name.
    pub fn pool(&self, name: &PoolName) -> Option<&PoolState> {
        self.pools.iter().find(|pool| pool.name() == name)
    }

    /// Adds a pool as the last one; one of the same name is replaced where it is.
    ///
    /// Answers the users elsewhere that are enabled or disabled by that.
    pub fn insert(&mut self, pool: PoolState) -> Vec<Changed> {
        let known = self.pools.iter_mut().find(|p| p.name() == pool.name());
        match known {
            Some(place) => *place = pool,
            None => self.pools.push(pool),
        }
        self.resolve()
    }

    /// Takes a pool out; answers the users elsewhere that are enabled by that.
    pub fn remove(&mut self, name: &PoolName) -> Vec<Changed> {
        self.pools.retain(|pool| pool.name() != name);
        self.resolve()
    }

    /// The ids that the host itself has.
    pub fn foreign(&self) -> &Arc<ForeignIds> {
        &self.foreign
    }

    /// Tells which ids the host itself has; answers the users that are enabled or disabled by that.
    pub fn set_foreign(&mut self, foreign: Arc<ForeignIds>) -> Vec<Changed> {
        if *foreign == *self.foreign {
            return Vec::new();
        }
        self.foreign = foreign;
        self.resolve()
    }

    /// Takes over the new content of a file of a pool, `None` if it is gone.
    ///
    /// Answers what has changed: nothing if the file is not a configuration file or its pool is not
    /// here; else its entity, and the users that are enabled or disabled by that.
    pub fn apply_file(&mut self, path: &PoolPath, text: Option<&str>) -> Vec<Changed> {
        let pool = self.pools.iter_mut().find(|p| p.name() == path.pool());
        let Some(first) = pool.and_then(|pool| pool.apply_file(path.relative(), text)) else {
            return Vec::new();
        };
        let mut changed = Vec::new();
        if matches!(
            first.entity,
            EntityRef::User { .. } | EntityRef::IdRange { .. }
        ) {
            changed = self.resolve();
            changed.retain(|other| other.entity != first.entity);
        }
        changed.insert(0, first);
        changed
    }

    /// Why a user whose file is fine cannot be used.
    pub fn disabled(&self, pool: &PoolName, user: &UserName) -> Option<&Failure> {
        self.disabled.get(pool)?.get(user)
    }

    /// Why a user cannot be used: its file, or its ids.
    pub fn failure(&self, pool: &PoolName, user: &UserName) -> Option<&Failure> {
        let entry = self.pool(pool)?.users().get(user)?;
        entry.failure().or_else(|| self.disabled(pool, user))
    }

    /// What stands in the way of deleting an entity: the entities that rely on it.
    ///
    /// *Shape*: for a group the groups right below it and its containers, for a user its containers.
    pub fn uses(&self, entity: &EntityRef) -> Vec<EntityRef> {
        /// A newer file whose owner cannot be read may belong to any user and any group.
        fn belongs<N: PartialEq>(name: &N, found: Option<N>, entry: &Entry<ContainerDoc>) -> bool {
            found.map_or_else(|| entry.is_newer(), |found| found == *name)
        }
        match entity {
            EntityRef::Group { pool, name } => {
                let groups = self.pool(pool).map(PoolState::groups);
                let names = groups.into_iter().flat_map(BTreeMap::keys);
                let children = names.filter(|child| child.parent().as_ref() == Some(name));
                let children = children.map(|child| child.entity(pool));
                let containers =
                    self.containers_of(pool, |entry| belongs(name, entry.group(), entry));
                children.chain(containers).collect()
            }
            EntityRef::User { pool, name } => self
                .containers_of(pool, |entry| belongs(name, entry.user(), entry))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The containers of a pool whose file says so.
    fn containers_of<'a>(
        &'a self,
        pool: &PoolName,
        wanted: impl Fn(&Entry<ContainerDoc>) -> bool + 'a,
    ) -> impl Iterator<Item = EntityRef> + 'a {
        let pool = self.pool(pool);
        pool.into_iter().flat_map(move |pool| {
            let entries = pool.containers().iter();
            let users = entries.filter(|(_, entry)| wanted(entry));
            let users = users.map(|(name, _)| name.entity(pool.name()));
            users.collect::<Vec<_>>()
        })
    }

    fn resolve(&mut self) -> Vec<Changed> {
        let disabled = resolve::resolve(self);
        let remembered = remember::update(self, &disabled);
        if remembered != *self.remembered {
            self.remembered = Arc::new(remembered);
        }
        if disabled == *self.disabled {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.disabled, Arc::new(disabled));
        resolve::difference(&before, &self.disabled, &self.pools)
    }
}
