//! The step that sets or unsets a user property of a dataset.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};
use crate::dataset::DatasetName;

/// A user property of a dataset, e.g. `org.vpsadminos.osctl:active`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PropertyStep {
    /// The dataset.
    pub dataset: DatasetName,
    /// The name of the property.
    pub name: String,
    /// Its value before; `None` if it is not set.
    pub before: Option<String>,
    /// Its value after; `None` to unset it.
    pub after: Option<String>,
}

impl StepKind for PropertyStep {
    const DURABILITY: Durability = Durability::Durable;

    fn inverse(&self) -> Option<Self> {
        let mut back = self.clone();
        std::mem::swap(&mut back.before, &mut back.after);
        Some(back)
    }

    fn line(&self) -> String {
        let Self { dataset, name, .. } = self;
        match &self.after {
            Some(value) => format!("set property {name}={value} on {dataset}"),
            None => format!("unset property {name} on {dataset}"),
        }
    }
}
