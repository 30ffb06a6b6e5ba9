//! The step that creates or destroys an empty dataset.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::dataset::DatasetName;

/// A dataset. It is created empty; one that holds data is not destroyed by this step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DatasetStep {
    /// Its name.
    pub dataset: DatasetName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for DatasetStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let dataset = self.dataset.clone();
        (self.to == Presence::Present).then_some(Self {
            dataset,
            to: Presence::Absent,
        })
    }

    fn undo(&self) -> Option<Self> {
        None
    }

    fn line(&self) -> String {
        let verb = self.to.pick("create", "destroy");
        format!("{verb} dataset {}", self.dataset)
    }
}
