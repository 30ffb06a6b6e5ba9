//! The step that renames a dataset.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};
use crate::dataset::DatasetName;

/// A dataset under one name or another. Its data stays as it is: what is deleted is renamed into
/// the trash first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DatasetNameStep {
    /// Its name before.
    pub before: DatasetName,
    /// Its name after.
    pub after: DatasetName,
}

impl StepKind for DatasetNameStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let (before, after) = (self.after.clone(), self.before.clone());
        Some(Self { before, after })
    }

    fn line(&self) -> String {
        format!("rename dataset {} to {}", self.before, self.after)
    }
}
