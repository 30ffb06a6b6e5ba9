//! Finding entities by name, on a given pool or on the first that has one.

use os_store::Document;
use os_types::{
    Code, ContainerName, DatasetName, EntityRef, Explain, Failure, GroupName, IdRangeName,
    NameError, PoolName, UserName, similar,
};

use super::{Entry, PoolState, State, Table};
use crate::document::{ContainerDoc, GroupDoc, IdRangeDoc, UserDoc};
use crate::layout;

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

/// The name of an entity that has a file of its own on a pool.
pub trait EntityName: Clone + Ord + AsRef<str> + 'static {
    /// What its file says.
    type Doc: Document + 'static;

    /// The entities of this kind on a pool.
    fn table(pool: &PoolState) -> &Table<Self, Self::Doc>;

    /// The entity of this name on a pool.
    fn entity(pool: &PoolName, name: &Self) -> EntityRef;
}

macro_rules! entity_names {
    ($($name:ident: $doc:ident, $table:ident;)+) => {
        $(impl EntityName for $name {
            type Doc = $doc;

            fn table(pool: &PoolState) -> &Table<Self, $doc> {
                pool.$table()
            }

            fn entity(pool: &PoolName, name: &Self) -> EntityRef {
                name.entity(pool)
            }
        })+
    };
}

entity_names! {
    IdRangeName: IdRangeDoc, id_ranges;
    UserName: UserDoc, users;
    GroupName: GroupDoc, groups;
    ContainerName: ContainerDoc, containers;
}

impl Found<'_, ContainerDoc> {
    /// The dataset of a container; if its file cannot be read so far, the one it would have by default.
    pub fn dataset(&self, name: &ContainerName) -> Result<DatasetName, NameError> {
        root(self.pool, name, self.entry)
    }
}

fn root(
    pool: &PoolState,
    name: &ContainerName,
    entry: &Entry<ContainerDoc>,
) -> Result<DatasetName, NameError> {
    match entry.dataset() {
        Some(dataset) => Ok(dataset),
        None => layout::container_dataset(pool.dataset(), name),
    }
}

impl PoolState {
    /// Refuses a dataset for the root of a container if that of another one is the same, contains it or
    /// is in it: whatever renames or destroys the outer one takes the inner one along.
    ///
    /// # Errors
    /// [`Code::InUse`], with the other container.
    pub fn check_apart(&self, dataset: &DatasetName, name: &ContainerName) -> Result<(), Failure> {
        for (other, entry) in self.containers().iter().filter(|(other, _)| *other != name) {
            let root = root(self, other, entry)?;
            if root == *dataset || root.is_below(dataset) || dataset.is_below(&root) {
                let other = format!("{}:{other}", self.name());
                let text =
                    format!("dataset {dataset} is not apart from {root}, the root of {other}");
                return Err(Failure::new(Code::InUse, text).next(format!("osctl ct show {other}")));
            }
        }
        Ok(())
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

    /// The entity on the pool named, or on the first pool that has one of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find<N: EntityName>(
        &self,
        pool: Option<&PoolName>,
        name: &N,
    ) -> Result<Found<'_, N::Doc>, LookupError> {
        let first = self.pool_or_default(pool)?;
        let places = match pool {
            Some(_) => std::slice::from_ref(first),
            None => &self.pools,
        };
        let found = places
            .iter()
            .find_map(|pool| Some((pool, N::table(pool).get(name)?)));
        let Some((pool, entry)) = found else {
            let names = places.iter().flat_map(|pool| N::table(pool).keys());
            return Err(LookupError::Entity {
                kind: N::Doc::KIND,
                name: name.as_ref().to_owned(),
                place: pool.map_or_else(
                    || "any imported pool".to_owned(),
                    |pool| format!("pool {pool}"),
                ),
                meant: similar(name.as_ref(), names.map(AsRef::as_ref)).map(ToOwned::to_owned),
            });
        };
        Ok(Found {
            pool,
            entry,
            entity: N::entity(pool.name(), name),
        })
    }
}
