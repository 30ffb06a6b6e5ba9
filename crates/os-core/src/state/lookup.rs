//! Finding entities by name, on a given pool or on the first that has one.

use os_types::{
    Code, ContainerName, DatasetName, EntityRef, Explain, GroupName, IdRangeName, NameError,
    PoolName, UserName,
};

use super::{Entry, PoolState, State, Table};
use crate::document::{ContainerDoc, GroupDoc, IdRangeDoc, UserDoc};
use crate::layout;
use crate::similar::similar;

/// An entity and its pool.
#[derive(Debug)]
pub struct Found<'a, T> {
    /// The pool.
    pub pool: &'a PoolState,
    /// What its file holds.
    pub entry: &'a Entry<T>,
    /// How it is called.
    pub entity: EntityRef,
}

impl Found<'_, ContainerDoc> {
    /// The dataset of a container; of one whose file is damaged the one it would have by default.
    pub fn dataset(&self, name: &ContainerName) -> Result<DatasetName, NameError> {
        let named = self.entry.doc().and_then(|doc| doc.dataset.clone());
        let default = layout::container_dataset(self.pool.dataset(), name)?;
        Ok(named.unwrap_or(default))
    }
}

/// There is nothing of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No pool is imported at all.
    #[error("no pool is imported")]
    NoPool,
    /// That pool is not imported.
    #[error("pool {name} is not imported{}", hint(meant.as_ref()))]
    Pool {
        /// The pool.
        name: PoolName,
        /// An imported pool of a similar name.
        meant: Option<String>,
    },
    /// No such entity.
    #[error("there is no {kind} {name} on {place}{}", hint(meant.as_ref()))]
    Entity {
        /// What kind, e.g. `user`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it was looked for: `pool tank`, `any imported pool`.
        place: String,
        /// One of a similar name.
        meant: Option<String>,
    },
}

fn hint(meant: Option<&String>) -> String {
    meant.map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

impl Explain for LookupError {
    fn code(&self) -> Code {
        Code::NotFound
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::NoPool => None,
            Self::Pool { name, .. } => Some(format!("pool {name}")),
            Self::Entity { kind, name, .. } => Some(format!("{kind} {name}")),
        }
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::NoPool | Self::Pool { .. } => "osctl pool ls".to_owned(),
            Self::Entity {
                kind: "container", ..
            } => "osctl ct ls".to_owned(),
            Self::Entity { kind, .. } => format!("osctl {} ls", kind.replace(' ', "-")),
        })
    }
}

impl State {
    /// The pool named, or the default pool: the first imported.
    ///
    /// # Errors
    /// When it is not imported.
    pub fn pool_or_default(&self, name: Option<&PoolName>) -> Result<&PoolState, LookupError> {
        let Some(name) = name else {
            return self.pools.first().ok_or(LookupError::NoPool);
        };
        self.pool(name).ok_or_else(|| {
            let names = self.pools.iter().map(|pool| pool.name().as_str());
            LookupError::Pool {
                name: name.clone(),
                meant: similar(name.as_str(), names).map(ToOwned::to_owned),
            }
        })
    }

    /// The user on the pool named, or on the first pool that has one of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_user(
        &self,
        pool: Option<&PoolName>,
        name: &UserName,
    ) -> Result<Found<'_, UserDoc>, LookupError> {
        let (pool, entry) = self.find("user", pool, name, PoolState::users)?;
        let entity = EntityRef::User {
            pool: pool.name().clone(),
            name: name.clone(),
        };
        Ok(Found {
            pool,
            entry,
            entity,
        })
    }

    /// The group, found as [`State::find_user`] does.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_group(
        &self,
        pool: Option<&PoolName>,
        name: &GroupName,
    ) -> Result<Found<'_, GroupDoc>, LookupError> {
        let (pool, entry) = self.find("group", pool, name, PoolState::groups)?;
        let entity = EntityRef::Group {
            pool: pool.name().clone(),
            name: name.clone(),
        };
        Ok(Found {
            pool,
            entry,
            entity,
        })
    }

    /// The container, found as [`State::find_user`] does.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_container(
        &self,
        pool: Option<&PoolName>,
        name: &ContainerName,
    ) -> Result<Found<'_, ContainerDoc>, LookupError> {
        let (pool, entry) = self.find("container", pool, name, PoolState::containers)?;
        let entity = EntityRef::Container {
            pool: pool.name().clone(),
            name: name.clone(),
        };
        Ok(Found {
            pool,
            entry,
            entity,
        })
    }

    /// The id range, found as [`State::find_user`] does.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_id_range(
        &self,
        pool: Option<&PoolName>,
        name: &IdRangeName,
    ) -> Result<Found<'_, IdRangeDoc>, LookupError> {
        let (pool, entry) = self.find("id range", pool, name, PoolState::id_ranges)?;
        let entity = EntityRef::IdRange {
            pool: pool.name().clone(),
            name: name.clone(),
        };
        Ok(Found {
            pool,
            entry,
            entity,
        })
    }

    fn find<'a, K: Ord + AsRef<str> + 'a, T: 'a>(
        &'a self,
        kind: &'static str,
        pool: Option<&PoolName>,
        name: &K,
        table: fn(&PoolState) -> &Table<K, T>,
    ) -> Result<(&'a PoolState, &'a Entry<T>), LookupError> {
        let first = self.pool_or_default(pool)?;
        let places = match pool {
            Some(_) => std::slice::from_ref(first),
            None => &self.pools,
        };
        let found = places
            .iter()
            .find_map(|pool| Some((pool, table(pool).get(name)?)));
        found.ok_or_else(|| {
            let names = places.iter().flat_map(|pool| table(pool).keys());
            LookupError::Entity {
                kind,
                name: name.as_ref().to_owned(),
                place: pool.map_or_else(
                    || "any imported pool".to_owned(),
                    |pool| format!("pool {pool}"),
                ),
                meant: similar(name.as_ref(), names.map(AsRef::as_ref)).map(ToOwned::to_owned),
            }
        })
    }
}
