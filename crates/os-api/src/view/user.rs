//! Users as the API shows them.

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
    /// The system user that stands for it, `<pool>-<user>`.
    pub username: String,
    /// The system group that stands for it.
    pub groupname: String,
    /// User and group id of the system user; none while it is not registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ugid: Option<u32>,
    /// Home of the system user.
    pub homedir: PathBuf,
    /// Whether the system user exists.
    pub registered: bool,
    /// Whether the user stays when its last container is deleted.
    pub standalone: bool,
    /// Map of user ids.
    pub uid_map: Vec<IdMapEntry>,
    /// Map of group ids.
    pub gid_map: Vec<IdMapEntry>,
    /// Whether it can be used.
    pub health: Health,
    /// What is wrong with it if it cannot: file, line, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// User attributes.
    pub attrs: Attrs,
}
