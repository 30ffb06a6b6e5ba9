//! What an operation touches.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::container::ContainerName;
use crate::image::ImageDigest;
use crate::names::{GroupName, IdRangeName, PoolName, UserName};

/// One thing that can be locked: changes to it happen one after the other (ADR-3).
///
/// The order of the variants is the order in which an operation that touches several takes its
/// locks; it is the only such order in the project.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EntityRef {
    /// A pool, imported or not.
    Pool {
        /// Its name.
        pool: PoolName,
    },
    /// An id range.
    IdRange {
        /// Its pool.
        pool: PoolName,
        /// Its name.
        name: IdRangeName,
    },
    /// A user.
    User {
        /// Its pool.
        pool: PoolName,
        /// Its name.
        name: UserName,
    },
    /// A group.
    Group {
        /// Its pool.
        pool: PoolName,
        /// Its name.
        name: GroupName,
    },
    /// An image in the cache of a pool.
    Image {
        /// Its pool.
        pool: PoolName,
        /// Its digest.
        digest: ImageDigest,
    },
    /// A container.
    Container {
        /// Its pool.
        pool: PoolName,
        /// Its id.
        name: ContainerName,
    },
    /// What all pools of a host share: host ids and the account files. It is the last one, because
    /// operations on all pools need it: nothing is waited for while it is held (ADR-16).
    Host,
}

impl EntityRef {
    /// The pool it lives on.
    pub fn pool(&self) -> Option<&PoolName> {
        match self {
            Self::Host => None,
            Self::Pool { pool }
            | Self::IdRange { pool, .. }
            | Self::User { pool, .. }
            | Self::Group { pool, .. }
            | Self::Image { pool, .. }
            | Self::Container { pool, .. } => Some(pool),
        }
    }
}

/// Gives the names of what lives on a pool the entity that they name there.
macro_rules! names {
    ($($name:ident: $kind:ident;)+) => {$(
        impl $name {
            /// The entity of this name on a pool.
            pub fn entity(&self, pool: &PoolName) -> EntityRef {
                EntityRef::$kind {
                    pool: pool.clone(),
                    name: self.clone(),
                }
            }
        }
    )+};
}

names! {
    IdRangeName: IdRange;
    UserName: User;
    GroupName: Group;
    ContainerName: Container;
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Pool { pool } => write!(f, "pool {pool}"),
            Self::IdRange { pool, name } => write!(f, "id-range {pool}:{name}"),
            Self::User { pool, name } => write!(f, "user {pool}:{name}"),
            Self::Group { pool, name } => write!(f, "group {pool}:{name}"),
            Self::Image { pool, digest } => write!(f, "image {pool}:{}", digest.short()),
            Self::Container { pool, name } => write!(f, "container {pool}:{name}"),
        }
    }
}
