//! The step that mounts or unmounts a pool.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// The pool is attached and mounted at its place. Refused if another host has it open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolOpenStep {
    /// The pool.
    pub pool: PoolName,
    /// Take the pool over from a host that did not export it.
    pub force: bool,
    /// Refuse a file system that is not installed as a pool.
    pub installed: bool,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolOpenStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("attach and mount", "unmount and detach");
        format!("{verb} pool {}", self.pool)
    }
}
