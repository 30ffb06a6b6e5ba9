//! The step that renames a file or directory.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};
use crate::pool_path::PoolPath;

/// A file or directory of osctl on a pool, with everything in it, under one name or another. Does
/// nothing if there is neither: what is named after a container need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PathNameStep {
    /// Its path before.
    pub before: PoolPath,
    /// Its path after, on the same dataset.
    pub after: PoolPath,
}

impl StepKind for PathNameStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let (before, after) = (self.after.clone(), self.before.clone());
        Some(Self { before, after })
    }

    fn line(&self) -> String {
        format!("rename {} to {}", self.before, self.after)
    }
}
