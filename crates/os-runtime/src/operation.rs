//! The operation on whose behalf the runtime works.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use os_types::{Code, Failure};

use crate::process::Process;

/// How often a wait looks whether it is cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(25);

/// Progress and cancellation of the caller's operation.
pub trait Operation {
    /// Shows to people what is being waited for, e.g. `asking systemd to shut down, at most 300 s`.
    fn progress(&self, text: &str);

    /// Whether the work is to end soon. It then fails with [`Code::Cancelled`].
    fn is_cancelled(&self) -> bool;

    /// A descriptor that is hung up once the operation is cancelled; `None` if it cannot be cancelled.
    fn hang_up(&self) -> Option<OwnedFd>;

    /// The operation's id: the same one if a crash cut the operation off and it is applied again.
    fn id(&self) -> &str;
}

/// Internal work of the daemon that no client watches or cancels.
#[derive(Debug, Clone, Copy)]
pub struct Unattended;

impl Operation for Unattended {
    fn progress(&self, text: &str) {
        tracing::debug!(text, "runtime");
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    fn hang_up(&self) -> Option<OwnedFd> {
        None
    }

    fn id(&self) -> &'static str {
        ""
    }
}

/// The failure of work that was cancelled.
pub(crate) fn cancelled(what: &str) -> Failure {
    Failure::new(Code::Cancelled, format!("{what} was cancelled"))
}

/// Waits for the end of a process. `false` if the time ran out first.
///
/// *Errors*: [`Code::Cancelled`], at most 25 ms after the operation was cancelled.
pub(crate) fn wait_exit(
    process: &Process,
    deadline: Instant,
    operation: &dyn Operation,
) -> Result<bool, Failure> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = process.pidfd().wait_exit(left.min(CANCEL_POLL));
        if ended.map_err(Failure::from)? {
            return Ok(true);
        }
        if operation.is_cancelled() {
            return Err(cancelled("waiting for init to shut down"));
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}
