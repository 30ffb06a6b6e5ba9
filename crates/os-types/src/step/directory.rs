//! The step that creates or removes a directory of osctl on a pool.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::pool_path::PoolPath;

/// A directory of osctl on a pool, owned by root. It is removed only if it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DirectoryStep {
    /// Which directory.
    pub path: PoolPath,
    /// Its permissions, e.g. `0o500`.
    pub mode: u32,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for DirectoryStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn line(&self) -> String {
        let Self { path, mode, to } = self;
        match to {
            Presence::Present => format!("create directory {path} (mode {mode:04o})"),
            Presence::Absent => format!("remove directory {path}"),
        }
    }
}
