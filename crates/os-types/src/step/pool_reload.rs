//! The step that reads the configuration of a pool again.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};
use crate::names::PoolName;

/// The configuration of a pool in use is read again from its files. Its own inverse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolReloadStep {
    /// The pool.
    pub pool: PoolName,
}

impl StepKind for PoolReloadStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn line(&self) -> String {
        format!("read the configuration of pool {} again", self.pool)
    }
}
