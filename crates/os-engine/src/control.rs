//! Whether an operation may go on: its deadline and whether it was cancelled.

use std::time::Duration;

use os_types::{Code, Failure};
use tokio::time::Instant;

use crate::cancellation::Cancellation;

/// The time of a step back and of a recovered operation, to which the operation's own deadline does
/// not apply: late is better than half done.
const REVERT_TIME: Duration = Duration::from_mins(10);

/// The right of an operation to go on.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) cancellation: Cancellation,
    deadline: Instant,
}

impl Control {
    /// From now on for `time`.
    pub(crate) fn new(time: Duration) -> Self {
        Self {
            cancellation: Cancellation::new(),
            deadline: Instant::now() + time,
        }
    }

    /// For steps back and recovery, which cannot be stopped.
    pub(crate) fn unstoppable() -> Self {
        Self::new(REVERT_TIME)
    }

    /// The same deadline, with a cancellation that can also happen alone.
    pub(crate) fn child(&self) -> Self {
        Self {
            cancellation: self.cancellation.child(),
            deadline: self.deadline,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Why it may not go on with `what`, e.g. `step 2 of 3, create file …`.
    pub(crate) fn stop(&self, what: impl FnOnce() -> String) -> Result<(), Failure> {
        if let Some(reason) = self.cancellation.reason() {
            return Err(cancelled(&reason, &what()));
        }
        if self.remaining().is_zero() {
            return Err(overdue(&what()));
        }
        Ok(())
    }

    /// Waits for `future`, but not past the deadline or a cancellation; `what` is being waited for.
    pub(crate) async fn bound<T>(
        &self,
        future: impl Future<Output = T>,
        what: impl Fn() -> String,
    ) -> Result<T, Failure> {
        tokio::select! {
            // In this order, so that what is ready wins over a deadline that passes at that moment.
            biased;
            value = future => Ok(value),
            () = self.cancellation.cancelled() => {
                let reason = self.cancellation.reason().unwrap_or_default();
                Err(cancelled(&reason, &what()))
            }
            () = tokio::time::sleep_until(self.deadline) => Err(overdue(&what())),
        }
    }
}

fn cancelled(reason: &str, what: &str) -> Failure {
    Failure::new(Code::Cancelled, format!("{reason} before {what}"))
}

fn overdue(what: &str) -> Failure {
    Failure::new(Code::Deadline, format!("the deadline passed before {what}"))
}
