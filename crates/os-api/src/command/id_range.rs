//! Commands about id ranges.

use os_types::{IdRangeName, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire;

/// Create an id range: `block_count` blocks of `block_size` ids from `start_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdRangeNew {
    /// The pool; default: the first imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the range.
    pub name: IdRangeName,
    /// First host id.
    #[schemars(range(max = wire::ID_MAX))]
    pub start_id: u32,
    /// Ids a block.
    #[schemars(range(min = 1, max = wire::ID_MAX))]
    pub block_size: u32,
    /// Number of blocks.
    #[schemars(range(min = 1, max = wire::ID_MAX))]
    pub block_count: u32,
}

/// Delete an id range without allocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdRangeDel {
    /// The pool; default: the first that has such a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the range.
    pub name: IdRangeName,
}

/// Allocate adjacent blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdRangeAllocate {
    /// The pool; default: the first that has such a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the range.
    pub name: IdRangeName,
    /// How many blocks.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub block_count: u32,
    /// The first block; default: the first free run that is long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_index: Option<u32>,
    /// Their owner, any text of 1 to 100 printable characters. `user:` is reserved for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "wire::owner_or_none")]
    pub owner: Option<String>,
}

/// Free an allocation, named by its first block or by its owner (one of the two).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {
        "required": ["block_index"],
        "properties": { "block_index": { "type": "integer" }, "owner": { "type": "null" } },
    },
    {
        "required": ["owner"],
        "properties": { "owner": { "type": "string" }, "block_index": { "type": "null" } },
    },
]))]
pub struct IdRangeFree {
    /// The pool; default: the first that has such a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Name of the range.
    pub name: IdRangeName,
    /// First block of the allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_index: Option<u32>,
    /// All allocations of this owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

const fn one() -> u32 {
    1
}
