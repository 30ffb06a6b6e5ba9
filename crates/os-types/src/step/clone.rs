//! The step that clones a snapshot, or destroys the clone.

use serde::{Deserialize, Serialize};

use super::{Durability, Presence, StepKind};
use crate::dataset::{DatasetName, SnapshotName};

/// A dataset that begins as a clone of a snapshot. One that differs from the snapshot is not
/// destroyed by this step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CloneStep {
    /// The snapshot.
    pub origin: SnapshotName,
    /// The clone.
    pub dataset: DatasetName,
    /// Which end the step leads to.
    pub to: Presence,
}

impl StepKind for CloneStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let to = self.to.inverse();
        Some(Self { to, ..self.clone() })
    }

    fn undo(&self) -> Option<Self> {
        None
    }

    fn line(&self) -> String {
        let Self {
            origin,
            dataset,
            to,
        } = self;
        match to {
            Presence::Present => format!("clone {origin} to {dataset}"),
            Presence::Absent => format!("destroy clone {dataset}"),
        }
    }
}
