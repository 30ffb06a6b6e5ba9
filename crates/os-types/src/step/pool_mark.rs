//! The step that sets or removes this host's mark on a pool.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// The mark of this host on an open pool, which keeps other hosts from opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolMarkStep {
    /// The pool.
    pub pool: PoolName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolMarkStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("set", "remove");
        format!("{verb} this host's mark on pool {}", self.pool)
    }
}
