//! The command that takes another back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Undo an operation by applying the inverse of each of its steps in reverse order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Id of the operation, or an unambiguous beginning or end of it; default: the newest that
    /// succeeded and was not undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub operation: Option<String>,
}
