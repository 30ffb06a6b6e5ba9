//! Whoever has ids, as messages name them.

use std::fmt;

use os_types::{IdRangeName, PoolName, UserName};

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

/// Who has ids.
///
/// The order is that in which a message names one of several: a user before the allocation its ids
/// lie in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A user, by its maps.
    User {
        /// Its pool.
        pool: PoolName,
        /// Its name.
        name: UserName,
    },
    /// A system user of ours: its own id, or the ids of a user whose pool is exported.
    Account(String),
    /// Somebody on the host that is none of ours.
    Foreign(ForeignSpan),
    /// Nobody may have it.
    Reserved(&'static str),
    /// An allocation of an id range.
    Allocation {
        /// Pool of the range.
        pool: PoolName,
        /// Name of the range.
        range: IdRangeName,
        /// First block.
        index: u32,
        /// Who has it.
        owner: Option<String>,
    },
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { pool, name } => write!(f, "user {pool}:{name}"),
            Self::Account(name) => write!(f, "system user {name}"),
            Self::Foreign(foreign) => f.write_str(&foreign.owner),
            Self::Reserved(whom) => f.write_str(whom),
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
