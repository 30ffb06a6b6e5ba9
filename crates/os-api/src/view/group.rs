//! Groups as the API shows them.

use os_types::{Failure, GroupName, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attrs, Figures, Health};
use crate::part::{PartEntry, Prlimits};

/// A group. Figures are there while its control group exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Its pool.
    pub pool: PoolName,
    /// Its name.
    pub name: GroupName,
    /// Its control group below the parent of its pool, e.g. `group.a/group.b`; empty for `/`.
    pub path: String,
    /// Its control group from the top, e.g. `osctl/pool.tank/group.a/group.b`.
    pub full_path: String,
    /// What it uses.
    #[serde(flatten)]
    pub figures: Figures,
    /// Limits of processes that its containers have unless they set their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prlimits: Vec<PartEntry<Prlimits>>,
    /// Whether its file could be read.
    pub health: Health,
    /// What is wrong with it if not: file, line, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// User attributes.
    pub attrs: Attrs,
}
