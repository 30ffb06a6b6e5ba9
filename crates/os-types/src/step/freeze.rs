//! The step that freezes or unfreezes a container.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::container::ContainerName;
use crate::names::PoolName;

/// A running container that is frozen or not; the present end is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FreezeStep {
    /// The pool.
    pub pool: PoolName,
    /// The container.
    pub container: ContainerName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for FreezeStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("freeze", "unfreeze");
        format!("{verb} container {}:{}", self.pool, self.container)
    }
}
