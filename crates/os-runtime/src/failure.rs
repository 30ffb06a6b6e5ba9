//! Failures of the means, as users meet them.

use std::error::Error;
use std::fmt::Display;

use os_store::FileError;
use os_types::{Code, Failure, chain};

/// A file of ours could not be read or written.
#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be named where an error is mapped"
)]
pub(crate) fn file(error: FileError) -> Failure {
    let code = if error.is_full() {
        Code::NoSpace
    } else {
        Code::Step
    };
    Failure::new(code, chain(&error))
}

/// The kernel refused something.
pub(crate) fn system(error: impl Error) -> Failure {
    Failure::new(Code::Step, chain(&error))
}

/// As [`system`], with what was attempted.
pub(crate) fn while_doing<E: Display>(what: impl Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(Code::Step, format!("cannot {what}: {error}"))
}
