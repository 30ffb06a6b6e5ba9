//! The step that registers the users of a pool.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// The users of a loaded pool are registered on this host: accounts, home directories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolUsersStep {
    /// The pool.
    pub pool: PoolName,
    /// At the absent end, leave the accounts on the host.
    pub keep: bool,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolUsersStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = match self.to {
            Presence::Present => "register",
            Presence::Absent if self.keep => "keep the accounts of",
            Presence::Absent => "unregister",
        };
        format!("{verb} the users of pool {}", self.pool)
    }
}
