//! The step that starts or stops a container.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::container::{ContainerName, StartPolicy, StopPolicy};
use crate::names::PoolName;

/// A container that runs or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunStep {
    /// The pool.
    pub pool: PoolName,
    /// The container.
    pub container: ContainerName,
    /// How it is started, at the present end.
    #[serde(default)]
    pub start: StartPolicy,
    /// How it is stopped, at the absent end.
    pub stop: StopPolicy,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for RunStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    /// A failed export starts no container again that its administrator wanted stopped; `osctl undo`
    /// starts it.
    fn stays(&self) -> bool {
        self.to == Presence::Absent
    }

    fn line(&self) -> String {
        let verb = self.to.pick("start", "stop");
        format!("{verb} container {}:{}", self.pool, self.container)
    }
}
