//! Owners of ids, as named in messages.

use std::fmt;

use os_types::{ContainerName, IdRangeName, PoolName, UserName};

use crate::facts::ForeignSpan;

/// User ids or group ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// User ids.
    Uid,
    /// Group ids.
    Gid,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uid => "user",
            Self::Gid => "group",
        })
    }
}

/// The owner of ids.
///
/// The order is that in which a message names one of several: a user before the allocation its ids
/// are in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A user, by its maps.
    User {
        /// Its pool.
        pool: PoolName,
        /// Its name.
        name: UserName,
    },
    /// A container that runs, by the maps that its init has in the kernel.
    Running {
        /// Its pool.
        pool: PoolName,
        /// Its id.
        container: ContainerName,
        /// The user that it was started with.
        user: UserName,
    },
    /// What this host remembers of a pool that is not imported: a user, or the owner of blocks.
    Remembered {
        /// The pool.
        pool: PoolName,
        /// The user; none for blocks.
        user: Option<UserName>,
        /// The owner of blocks.
        owner: Option<String>,
    },
    /// What an operation on its way gives to somebody or takes away: a user, or the owner of blocks.
    Pending {
        /// The pool.
        pool: PoolName,
        /// The user; none for blocks.
        user: Option<UserName>,
        /// The owner of blocks.
        owner: Option<String>,
    },
    /// A system user of osctl: its own id, or the ids of a user whose pool is exported.
    Account(String),
    /// Somebody on the host that does not belong to osctl.
    Foreign(ForeignSpan),
    /// The id may not be assigned.
    Nobody(&'static str),
    /// An allocation of an id range.
    Allocation {
        /// Pool of the range.
        pool: PoolName,
        /// Name of the range.
        range: IdRangeName,
        /// First block.
        index: u32,
        /// The owner of the allocation.
        owner: Option<String>,
    },
}

impl Holder {
    /// The command that shows more of it.
    pub fn next(&self) -> Option<String> {
        match self {
            Self::User { pool, name } => Some(format!("osctl user show {pool}:{name}")),
            Self::Running {
                pool, container, ..
            } => Some(format!("osctl ct show {pool}:{container}")),
            Self::Remembered { .. } => Some("osctl pool sources".to_owned()),
            Self::Pending { .. } => Some("osctl operation ls".to_owned()),
            Self::Allocation { pool, range, .. } => {
                Some(format!("osctl id-range table ls {pool}:{range}"))
            }
            Self::Account(name) => Some(format!("getent passwd {name}")),
            Self::Foreign(_) | Self::Nobody(_) => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { pool, name } => write!(f, "user {pool}:{name}"),
            Self::Running {
                pool, container, ..
            } => write!(f, "container {pool}:{container}, which runs"),
            Self::Remembered {
                pool,
                user: Some(user),
                ..
            } => write!(f, "user {pool}:{user}, whose pool is exported"),
            Self::Remembered { pool, owner, .. } => {
                let owner = owner.as_deref().unwrap_or("an allocation");
                write!(f, "{owner} on pool {pool}, which is exported")
            }
            Self::Pending {
                pool,
                user: Some(user),
                ..
            } => write!(
                f,
                "user {pool}:{user}, which an operation creates or deletes"
            ),
            Self::Pending { pool, owner, .. } => {
                let owner = owner.as_deref().unwrap_or("an allocation");
                write!(
                    f,
                    "{owner} on pool {pool}, which an operation allocates or frees"
                )
            }
            Self::Account(name) => write!(f, "system user {name}"),
            Self::Foreign(foreign) => f.write_str(&foreign.owner),
            Self::Nobody(whom) => f.write_str(whom),
            Self::Allocation {
                pool,
                range,
                index,
                owner,
            } => {
                write!(f, "id range allocation {pool}:{range} block {index}")?;
                owner
                    .as_ref()
                    .map_or(Ok(()), |owner| write!(f, " of {owner}"))
            }
        }
    }
}
