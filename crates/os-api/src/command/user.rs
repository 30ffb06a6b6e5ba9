//! Commands about users.

use os_types::{IdMap, IdRangeName, PoolName, UserName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pool::yes;

/// Create a user.
///
/// Without maps: a block of the id range (`block_index`, or the first free one) is
/// allocated and mapped whole. With maps: they are taken as given; together with `block_index`
/// they have to are in that block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserNew {
    /// The pool; default: the first imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the user.
    pub name: UserName,
    /// The id range to take a block from; default: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_range: Option<IdRangeName>,
    /// The block to use: an existing allocation that no user has, or a free block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_index: Option<u32>,
    /// Map of user ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid_map: Option<IdMap>,
    /// Map of group ids; default: as `uid_map`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid_map: Option<IdMap>,
    /// Keep the user when its last container is deleted.
    #[serde(default = "yes")]
    pub standalone: bool,
}

/// Delete a user that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserDel {
    /// The pool; default: the first that has such a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the user.
    pub name: UserName,
}

/// Create the system user of one user, or of all without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRegister {
    /// The pool; default: the first that has such a user, with no name: all pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the user; default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
}

/// Remove the system user of one user, or of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserUnregister {
    /// The pool; default: the first that has such a user, with no name: all pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the user; default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
}

/// Change settings of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserSet {
    /// The pool; default: the first that has such a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the user.
    pub name: UserName,
    /// Keep the user when its last container is deleted.
    pub standalone: bool,
}

/// Write passwd, group, subuid and subgid lines of this host again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activate {}
