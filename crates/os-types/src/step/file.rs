//! The step that creates, replaces or removes a file of osctl on a pool.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind, verb};
use crate::pool_path::PoolPath;

/// A file of osctl on a pool, mode 0400, replaced as a whole. `None` stands for "no such file".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FileStep {
    /// Which file.
    pub path: PoolPath,
    /// Its whole text before.
    pub before: Option<String>,
    /// Its whole text after.
    pub after: Option<String>,
}

impl StepKind for FileStep {
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
            ["create", "change", "remove"],
        );
        format!("{verb} file {}", self.path)
    }
}
