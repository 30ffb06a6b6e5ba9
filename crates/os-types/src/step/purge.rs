//! The step that destroys a dataset with its data.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};
use crate::dataset::DatasetName;

/// A dataset of the trash or of the image cache is destroyed, with everything in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PurgeStep {
    /// The dataset.
    pub dataset: DatasetName,
}

impl StepKind for PurgeStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        None
    }

    fn line(&self) -> String {
        format!("destroy dataset {} irreversibly", self.dataset)
    }
}
