//! The step that allocates or frees blocks of an id range.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::id_table::Allocation;
use crate::names::{IdRangeName, PoolName};

/// Blocks of an id range. The step is relative to the rest of the table, so that one allocation can
/// be undone after others were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IdBlocksStep {
    /// The pool.
    pub pool: PoolName,
    /// The range.
    pub range: IdRangeName,
    /// First block.
    pub index: u32,
    /// Number of blocks.
    pub count: u32,
    /// The entity that the blocks belong to, e.g. `user:alice`.
    pub owner: Option<String>,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for IdBlocksStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("allocate", "free");
        let (first, range) = (self.index, format!("{}:{}", self.pool, self.range));
        let last = u64::from(first) + u64::from(self.count).saturating_sub(1);
        let blocks = match self.count {
            1 => format!("block {first}"),
            _ => format!("blocks {first} to {last}"),
        };
        let owner = self.owner.as_ref().map(|owner| format!(" for {owner}"));
        let owner = owner.unwrap_or_default();
        format!("{verb} {blocks} of id range {range}{owner}")
    }
}

impl IdBlocksStep {
    /// The row of the range's table that the step adds or removes.
    pub fn allocation(&self) -> Allocation {
        Allocation {
            block_index: self.index,
            block_count: self.count,
            owner: self.owner.clone(),
        }
    }
}
