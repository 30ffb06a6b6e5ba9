//! The step that takes the configuration of a pool into memory.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// The configuration of a prepared pool is in memory: it is listed, and the ids of its users are theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolLoadStep {
    /// The pool.
    pub pool: PoolName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolLoadStep {
    const DURABILITY: Durability = Durability::Memory;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("load", "unload");
        format!("{verb} the configuration of pool {}", self.pool)
    }
}
