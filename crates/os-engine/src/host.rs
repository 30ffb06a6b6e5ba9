//! The host as the engine sees it: something that steps can be applied to.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use os_types::plan::JournalPlace;
use os_types::{Failure, OpId, Plan, Presence, Step};
use serde::{Deserialize, Serialize};

use crate::cancellation::Cancellation;
use crate::control::Control;
use crate::executor::ProgressSink;
use crate::recover::Recovery;

/// What an operation has reserved on the host, e.g. the ids that it gives or takes away, until this is
/// dropped; `None` if its plan does neither. Dropping it may write a file.
pub type Reservation = Option<Box<dyn Any + Send>>;

/// What steps are applied to: the real host in `osctld`, a fake in tests.
///
/// # Blocking
/// All functions are called from threads that may block.
pub trait Host: Send + Sync + 'static {
    /// Brings the object of `step` to the target state of the step, durably if the step is durable.
    ///
    /// Idempotent: in the target state already is [`Outcome::Unchanged`]; at neither end is a failure
    /// with `Code::Conflict` that leaves the object alone. Whatever the host remembers about the
    /// object is in step when this returns. Long work looks at `context` now and then.
    fn apply(&self, step: &Step, context: &StepContext<'_>) -> Result<Outcome, Failure>;

    /// Where the object of `step` is, changing nothing. Only this object counts: a directory to be
    /// removed is ready even while files are in it that an earlier step will remove.
    fn check(&self, step: &Step) -> Result<StepCheck, Failure>;

    /// Completes a plan whose steps are all applied, before its end is recorded: removes permanently
    /// what the steps only put out of use, so that until here the rollback needs no space on a full
    /// pool. Called again for a plan that a crash cut off before its end.
    fn complete(&self, _plan: &Plan) -> Result<(), Failure> {
        Ok(())
    }

    /// Refuses the plan of an undo where the command for the same change would be refused.
    fn check_undo(&self, _plan: &Plan) -> Result<(), Failure> {
        Ok(())
    }

    /// Reserves what the plan gives or takes away, so that no other operation gives it before this one
    /// has ended; refused if it belongs to somebody else. Called for the plan of an undo and for a
    /// plan that a crash cut off; the planner of a command sees to its own.
    fn reserve(&self, _plan: &Plan) -> Result<Reservation, Failure> {
        Ok(None)
    }
}

/// What applying a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It moved the object to the target state.
    Changed,
    /// The object was there already.
    Unchanged,
}

/// Where the object of a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepCheck {
    /// At the initial state: the step can be applied.
    Ready,
    /// At the target state: nothing is left to do.
    Done,
    /// At neither end; says what was found.
    Conflict(String),
}

impl StepCheck {
    /// Of a step that creates or removes an object, which exists or does not.
    pub fn of_presence(exists: bool, to: Presence) -> Self {
        Self::done_if(exists == (to == Presence::Present))
    }

    /// Of a step whose object is at one of its ends.
    pub fn done_if(is_done: bool) -> Self {
        if is_done { Self::Done } else { Self::Ready }
    }

    /// Of a step that replaces one value by another; `conflict` says what a third value is.
    pub fn of_value<T: PartialEq + ?Sized>(
        found: Option<&T>,
        [before, after]: [Option<&T>; 2],
        conflict: impl FnOnce() -> String,
    ) -> Self {
        if found == after {
            Self::Done
        } else if found == before {
            Self::Ready
        } else {
            Self::Conflict(conflict())
        }
    }
}

/// What a step may know about the operation it belongs to.
pub struct StepContext<'a> {
    pub(crate) operation: &'a OpId,
    pub(crate) control: &'a Control,
    pub(crate) recovery: &'a dyn Recovery,
    pub(crate) progress: &'a dyn ProgressSink,
    pub(crate) is_way_back: bool,
}

impl StepContext<'_> {
    /// Whether the step takes back another one. Then [`Host::complete`] is not called.
    pub fn is_way_back(&self) -> bool {
        self.is_way_back
    }

    /// The operation, for logs and for what one of its steps keeps for a later one.
    pub fn operation(&self) -> &OpId {
        self.operation
    }

    /// The time left until the deadline, zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.control.remaining()
    }

    /// Reports the progress of a long step to clients that watch the operation, e.g. `asking systemd to shut
    /// down (SIGRTMIN+4), at most 300 s`.
    pub fn progress(&self, text: &str) {
        self.progress.progress(text);
    }

    /// Tells the caller of the operation what a step that succeeds leaves undone, and why.
    pub fn warn(&self, text: &str) {
        self.progress.warning(text);
    }

    /// Whether the step was asked to stop, and a way to be woken by that. A step that waits, for a
    /// guest or a hook, stops waiting at once and fails with `Code::Cancelled`; a short one need not
    /// look.
    pub fn cancellation(&self) -> &Cancellation {
        &self.control.cancellation
    }

    /// Whether the step was asked to stop; see [`StepContext::cancellation`].
    pub fn is_cancelled(&self) -> bool {
        self.control.is_cancelled()
    }

    /// Settles what a crash left open in the journal of a place that is just being opened.
    ///
    /// For the step that prepares a pool. It takes no locks: the operation of this step holds the
    /// pool, and nothing on a pool that is not loaded can be touched by another one.
    ///
    /// # Errors
    /// If the journal's directory cannot be read. What became of each operation found there is in the
    /// list of operations, the history and the events.
    pub fn recover(&self, place: &JournalPlace) -> Result<(), Failure> {
        self.recovery.recover_place(place).map(drop)
    }
}

impl fmt::Debug for StepContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepContext")
            .field("operation", &self.operation)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}
