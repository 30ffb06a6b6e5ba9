//! `conf/user/<name>.toml`: a user.

use os_api::view::Attrs;
use os_store::Document;
use os_types::{IdMap, IdRangeName};
use serde::{Deserialize, Serialize};

use super::{is_true, yes};

/// A user: its maps, and the block of an id range they are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDoc {
    /// Map of user ids.
    pub uid_map: IdMap,
    /// Map of group ids, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gid_map: Option<IdMap>,
    /// Keep the user when its last container is deleted.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub standalone: bool,
    /// The allocation it uses; none for maps that were given without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<UserBlock>,
    /// User attributes.
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    pub attrs: Attrs,
}

/// An allocation of an id range of the user's pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserBlock {
    /// The range.
    pub id_range: IdRangeName,
    /// First block of the allocation.
    pub index: u32,
}

impl Document for UserDoc {
    const SCHEMA: u32 = 1;
    const KIND: &'static str = "user";
}

impl UserDoc {
    /// A standalone user with these maps.
    pub fn new(uid_map: IdMap, gid_map: IdMap) -> Self {
        Self {
            gid_map: (gid_map != uid_map).then_some(gid_map),
            uid_map,
            standalone: true,
            block: None,
            attrs: Attrs::new(),
        }
    }

    /// Map of group ids.
    pub fn gid_map(&self) -> &IdMap {
        self.gid_map.as_ref().unwrap_or(&self.uid_map)
    }
}
