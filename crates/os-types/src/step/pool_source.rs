//! The step that changes where this host finds a pool.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind, verb};
use crate::names::PoolName;

/// Where this host finds a pool: an image file, a block device, or a directory of a btrfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PoolSourceStep {
    /// The pool.
    pub pool: PoolName,
    /// The path before; `None` if this host did not know the pool.
    pub before: Option<PathBuf>,
    /// The path after; `None` to forget the pool.
    pub after: Option<PathBuf>,
}

impl StepKind for PoolSourceStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let mut back = self.clone();
        std::mem::swap(&mut back.before, &mut back.after);
        Some(back)
    }

    fn line(&self) -> String {
        let verb = verb(
            self.before.as_ref(),
            self.after.as_ref(),
            ["remember", "change", "forget"],
        );
        let path = self.after.as_ref().or(self.before.as_ref());
        let path = path.map(|path| path.display().to_string());
        let path = path.unwrap_or_default();
        format!("{verb} the source of pool {}: {path}", self.pool)
    }
}
