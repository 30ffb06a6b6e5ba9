//! The step that takes an open pool into use, or out of it.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// An open pool is in use: missing directories are created, its journal is settled, its configuration
/// loaded, its users registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolActiveStep {
    /// The pool.
    pub pool: PoolName,
    /// At the absent end, leave the accounts of its users on the host.
    pub keep_users: bool,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolActiveStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let pool = &self.pool;
        match self.to {
            Presence::Present => {
                format!("settle the journal of pool {pool}, load it and register its users")
            }
            Presence::Absent => format!("unload pool {pool} and unregister its users"),
        }
    }
}
