//! Commands about groups.

use os_types::{GroupName, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupNew {
    /// The pool; default: the first imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the group, an absolute path.
    pub name: GroupName,
    /// Create missing groups above it.
    #[serde(default)]
    pub parents: bool,
}

/// Delete a group without children and containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDel {
    /// The pool; default: the first that has such a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the group.
    pub name: GroupName,
}
