//! The representation of users in the API.

use std::path::PathBuf;

use os_types::{Failure, IdMapEntry, PoolName, UserName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attrs, Health};

/// A user. Its maps are empty while its file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Its pool.
    pub pool: PoolName,
    /// Its name.
    pub name: UserName,
    /// Name of its system user on the host, `<pool>-<user>`.
    pub username: String,
    /// Name of its system group on the host.
    pub groupname: String,
    /// User and group id of the system user; absent while it is not registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ugid: Option<u32>,
    /// Home of the system user.
    pub homedir: PathBuf,
    /// Whether the system user exists on the host.
    pub registered: bool,
    /// Whether the user is kept when its last container is deleted.
    pub standalone: bool,
    /// Map of user ids.
    pub uid_map: Vec<IdMapEntry>,
    /// Map of group ids.
    pub gid_map: Vec<IdMapEntry>,
    /// Whether it is usable or disabled.
    pub health: Health,
    /// Why it is disabled: file, line, and what to do; absent if it is usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// User attributes.
    pub attrs: Attrs,
}
