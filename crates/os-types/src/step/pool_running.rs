//! The step that finds what runs on a pool.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// The daemon knows which containers of a prepared pool run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolRunningStep {
    /// The pool.
    pub pool: PoolName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolRunningStep {
    const DURABILITY: Durability = Durability::Memory;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("find", "forget");
        format!("{verb} the running containers of pool {}", self.pool)
    }
}
