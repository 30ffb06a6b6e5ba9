//! `<state folder>/ids.toml`: the host ids of the pools that this host has seen.

use std::collections::BTreeMap;

use os_store::Document;
use os_types::{IdMap, IdSpan, PoolName, UserName};
use serde::{Deserialize, Serialize};

/// The host ids of pools, imported or not. The host keeps those of an exported pool for its users
/// until `osctl pool forget`, `pool destroy` or `pool uninstall`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberedIds {
    /// By pool.
    #[serde(default)]
    pub pools: BTreeMap<PoolName, PoolIds>,
}

/// The host ids of one pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolIds {
    /// Maps of its users.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<UserName, UserIds>,
    /// Blocks of its id ranges that are allocated to somebody else than a user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allocations: Vec<AllocatedIds>,
}

/// The maps of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserIds {
    /// Map of user ids.
    pub uid_map: IdMap,
    /// Map of group ids, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gid_map: Option<IdMap>,
}

/// Allocated blocks, as host ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllocatedIds {
    first_id: u32,
    count: u32,
    /// What they are allocated to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Document for RememberedIds {
    const SCHEMA: u32 = 1;
    const KIND: &'static str = "remembered ids";
}

impl UserIds {
    /// These maps.
    pub fn new(uid_map: &IdMap, gid_map: &IdMap) -> Self {
        Self {
            gid_map: (gid_map != uid_map).then(|| gid_map.clone()),
            uid_map: uid_map.clone(),
        }
    }

    /// Map of group ids.
    pub fn gid_map(&self) -> &IdMap {
        self.gid_map.as_ref().unwrap_or(&self.uid_map)
    }
}

impl AllocatedIds {
    /// The ids of `span`.
    pub fn new(span: IdSpan, owner: Option<String>) -> Self {
        Self {
            first_id: span.first(),
            count: span.count(),
            owner,
        }
    }

    /// The ids; `None` if the file was edited to something that is not a run of ids.
    pub fn span(&self) -> Option<IdSpan> {
        IdSpan::new(self.first_id, self.count)
    }
}
