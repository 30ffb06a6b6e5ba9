//! Errors as problem documents, media type `application/problem+json`.

use os_types::{Code, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An RFC 9457 problem document with our members `code`, `object`, `next` and `request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Reference of the explanation of the code, `/v1/codes/E-NOT-FOUND`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every occurrence of the code.
    pub title: String,
    /// The HTTP status again.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// What failed and why, with the causes.
    pub detail: String,
    /// The stable code.
    pub code: Code,
    /// The object it is about, e.g. `user tank:alice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The next command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The id of the request, under which the daemon's log has the details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self {
            kind: format!("/v1/codes/{}", failure.code),
            title: failure.code.title().to_owned(),
            status: failure.code.status(),
            detail: failure.message,
            code: failure.code,
            object: failure.object,
            next: failure.next,
            request: None,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            code: problem.code,
            message: problem.detail,
            object: problem.object,
            next: problem.next,
        }
    }
}
