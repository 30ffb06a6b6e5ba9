//! The step that writes the account files of this host.

use serde::{Deserialize, Serialize};

use super::{Durability, StepKind};

/// Our block in each account file is written again from the registered users. Its own inverse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AccountFilesStep {}

impl StepKind for AccountFilesStep {
    const DURABILITY: Durability = Durability::Run;

    fn inverse(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn line(&self) -> String {
        "rewrite the account files".to_owned()
    }
}
