//! The step that prepares an open pool for use: its directories and its journal.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::names::PoolName;

/// An open pool is prepared: missing datasets, directories and default documents exist, its directory in
/// the runtime directory too, and what a crash left in its journal is settled. A settled journal stays
/// settled, so at the absent end only the runtime directory is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolPrepareStep {
    /// The pool.
    pub pool: PoolName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for PoolPrepareStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let what = self.to.pick(
            "create missing directories and settle the journal of pool",
            "remove the runtime directory of pool",
        );
        format!("{what} {}", self.pool)
    }
}
