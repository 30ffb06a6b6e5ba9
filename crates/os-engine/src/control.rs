//! Whether an operation may go on: its deadline and whether somebody cancelled it.

use std::time::Duration;

use os_types::{Code, Failure};
use tokio::sync::watch;
use tokio::time::Instant;

/// The deadline of a step back and of a recovered operation, whose own deadline has no say: better
/// late than half-made.
const REVERT_TIME: Duration = Duration::from_mins(10);

/// The right of an operation to go on.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    cancelled: watch::Sender<bool>,
    deadline: Instant,
}

impl Control {
    /// From now on for `time`.
    pub(crate) fn new(time: Duration) -> Self {
        Self {
            cancelled: watch::Sender::new(false),
            deadline: Instant::now() + time,
        }
    }

    /// For what nobody can stop: steps back and recovery.
    pub(crate) fn unstoppable() -> Self {
        Self::new(REVERT_TIME)
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Why it may not go on with `what`, e.g. `step 2 of 3, create file …`.
    pub(crate) fn stop(&self, what: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.is_cancelled() {
            return Err(cancelled(&what()));
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
        let mut cancel = self.cancelled.subscribe();
        tokio::select! {
            // In this order, so that what is ready wins over a deadline that passes at that moment.
            biased;
            value = future => Ok(value),
            _ = cancel.wait_for(|cancelled| *cancelled) => Err(cancelled(&what())),
            () = tokio::time::sleep_until(self.deadline) => Err(overdue(&what())),
        }
    }
}

fn cancelled(what: &str) -> Failure {
    Failure::new(Code::Cancelled, format!("cancelled before {what}"))
}

fn overdue(what: &str) -> Failure {
    Failure::new(Code::Deadline, format!("the deadline passed before {what}"))
}
