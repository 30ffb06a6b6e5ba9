//! The step that registers or unregisters a user on this host.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::{PoolName, UserName};

/// The account of a user on this host: passwd, group, subuid and subgid lines, home directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SystemUserStep {
    /// The pool.
    pub pool: PoolName,
    /// The user.
    pub user: UserName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for SystemUserStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let verb = self.to.pick("register", "unregister");
        format!("{verb} system user {}-{}", self.pool, self.user)
    }
}
