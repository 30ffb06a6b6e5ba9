//! Failures of the kernel that come without a type of their own.

use std::fmt::Display;

use os_types::{Code, Failure};

/// A failure with what was attempted.
pub(crate) fn while_doing<E: Display>(what: impl Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(Code::System, format!("cannot {what}: {error}"))
}
