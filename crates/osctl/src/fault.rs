//! How a command ends other than well.

use std::io;

use os_types::{Code, Failure};

/// What a command answers to [`crate::program::run`].
pub(crate) type Outcome = Result<(), Fault>;

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A failure, which is printed with its code and hint.
    Failure(Failure),
    /// The object to delete does not exist; printed as a failure.
    Absent(Failure),
    /// Everything was said already; only the exit status is left.
    Status(u8),
    /// Standard output takes nothing more.
    Output(io::Error),
}

/// Exit status after Ctrl-C, as shells have it (128 + SIGINT).
pub(crate) const INTERRUPTED: u8 = 130;

/// Exit status of a deletion of something that does not exist; clients of vpsAdminOS rely on it.
pub(crate) const ABSENT: u8 = 1;

/// Exit status when the reader of our output has gone, as shells have it (128 + SIGPIPE).
const BROKEN_PIPE: u8 = 141;

impl Fault {
    /// The exit status.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Failure(failure) => failure.code.exit(),
            Self::Absent(_) => ABSENT,
            Self::Status(status) => *status,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => BROKEN_PIPE,
            Self::Output(_) => 1,
        }
    }
}

/// The outcome of a deletion, with the status [`ABSENT`] if what it names does not exist.
pub(crate) fn of_deletion(outcome: Outcome) -> Outcome {
    outcome.map_err(|fault| match fault {
        Fault::Failure(failure) if failure.code == Code::NotFound => Fault::Absent(failure),
        Fault::Status(status) if status == Code::NotFound.exit() => Fault::Status(ABSENT),
        other => other,
    })
}

impl<E: Into<Failure>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}
