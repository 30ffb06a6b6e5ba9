//! Id ranges as the API shows them.

use os_types::{Failure, IdRangeName, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attrs, Health};

/// An id range. The numbers are 0 while its file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdRange {
    /// Its pool.
    pub pool: PoolName,
    /// Its name.
    pub name: IdRangeName,
    /// First host id.
    pub start_id: u32,
    /// Last host id.
    pub last_id: u32,
    /// Ids a block.
    pub block_size: u32,
    /// Number of blocks.
    pub block_count: u32,
    /// Allocated blocks.
    pub allocated: u32,
    /// Free blocks.
    pub free: u32,
    /// Whether its file could be read.
    pub health: Health,
    /// What is wrong with it if not: file, line, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// User attributes.
    pub attrs: Attrs,
}

/// Whether blocks are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentKind {
    /// Free blocks.
    Free,
    /// Somebody has them.
    Allocated,
}

/// A run of blocks of an id range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdSegment {
    /// Whether it is taken.
    #[serde(rename = "type")]
    pub kind: SegmentKind,
    /// First block.
    pub block_index: u32,
    /// Number of blocks.
    pub block_count: u32,
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// First host id.
    pub first_id: u32,
    /// Last host id.
    pub last_id: u32,
    /// Number of ids.
    pub id_count: u32,
}
