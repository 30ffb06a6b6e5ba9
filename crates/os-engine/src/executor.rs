//! Runs the steps of an operation, forwards or back, and keeps its journal.
//!
//! ```text
//!          ┌─> forward ──all steps──────────────────> close (finished)
//!   begin ─┤      └─failure, cancel, deadline─> back ─> close (reverted, cancelled)
//!   crash ─┴─journal says reverting────────────^ └─stuck─> close (failed)
//! ```
//!
//! A step is looked at before its intent is written. So an intent means that the step was at its
//! initial state, and that whatever is found in the target state later is the work of this operation and may
//! be taken back, while a step that was found done is never touched by the rollback.
//!
//! Recovery runs through the same code: the lines of the journal tell it what the dead daemon did. What
//! was only in the memory of that daemon is applied again on the way there, and during rollback taken
//! back whatever the lines say, so that both ways lead to the memory that the next step relies on.
//! On another boot, or with a pool that came from another host, run-only steps are skipped both
//! ways, and the end of the journal may be missing: a step without a record that is found in its target
//! state is then treated as applied by this operation. That would be wrong for a step that had nothing to do from the start,
//! if the operation could not be finished either; so planners leave such steps out.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jiff::Timestamp;
use os_api::{OperationState, StepState};
use os_types::step::Durability;
use os_types::{Code, Failure, Step};

use crate::control::Control;
use crate::fault::{Faults, Moment, Point, Side};
use crate::host::{Host, Outcome, StepCheck, StepContext};
use crate::journal::{Ending, Journal};
use crate::locks::StepLocks;
use crate::recover::Recovery;

use shared_journal::SharedJournal;

mod back;
mod forward;
mod parallel;
mod shared_journal;

/// Gets the progress of an operation.
pub(crate) trait ProgressSink: Sync {
    /// A step, counted from 1, came into another state.
    fn step(&self, number: usize, state: StepState);
    /// What a long step is doing now.
    fn progress(&self, text: &str);
    /// What a step could not do although it goes on.
    fn warning(&self, text: &str);
    /// Steps are being taken back from now on.
    fn reverting(&self);
}

/// All that running an operation takes.
pub(crate) struct Executor<'a, H> {
    pub(crate) host: &'a H,
    pub(crate) faults: &'a Faults,
    pub(crate) recovery: &'a dyn Recovery,
    pub(crate) progress: &'a dyn ProgressSink,
    pub(crate) control: &'a Control,
    /// As `control`, and cancelled by an urgent operation. It counts until the last step that may wait
    /// for a guest: what comes after a stop, e.g. the deletion of an ephemeral container, is part of
    /// what the urgent operation wants, and takes milliseconds.
    pub(crate) takeover: &'a Control,
    /// None in recovery, which runs while no other operation can touch the same entities.
    pub(crate) locks: Option<&'a StepLocks>,
    /// How long a step of a group counts as work for the host.
    pub(crate) busy: Duration,
    pub(crate) start: Start,
}

/// Where an operation starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Its first step.
    Fresh,
    /// What a dead daemon left on this boot of this host.
    SameBoot,
    /// What was left by a power loss or by another host.
    OtherBoot,
}

impl<H: Host> Executor<'_, H> {
    /// Brings the operation of a journal to its end and closes the journal.
    pub(crate) fn run(&self, journal: Journal) -> Ending {
        let plan = journal.begun().plan.clone();
        let ended = journal.step_log().end().cloned();
        let reverting = journal.step_log().reverting().cloned();
        let journal = SharedJournal::new(journal);
        // That of an operation which begins was made with its plan.
        let mut reservation = None;
        let ending = if let Some(ending) = ended {
            ending
        } else if let Some(reason) = reverting {
            self.back(&journal, &plan, reason)
        } else {
            let mut forward = || {
                if self.start != Start::Fresh {
                    // The world may be another one since the plan was made.
                    let reserve = || self.host.reserve(&plan);
                    reservation = guard(&"the check of the plan", reserve)?;
                }
                self.forward(&journal, &plan)?;
                guard(&"the end of the plan", || self.host.complete(&plan))
            };
            match forward() {
                Ok(()) => self.ending(OperationState::Finished, None),
                Err(reason) => self.back(&journal, &plan, reason),
            }
        };
        self.close(journal.into_inner(), &ending);
        drop(reservation);
        ending
    }

    fn ending(&self, state: OperationState, failure: Option<Failure>) -> Ending {
        Ending {
            ended: Timestamp::now(),
            state,
            failure,
            recovered: self.start != Start::Fresh,
            left: Vec::new(),
        }
    }

    // === end ===

    /// Moves the operation from the journal to the history.
    ///
    /// The world is settled when this is called; a full disk must not change that. If the history
    /// cannot be written, the journal goes all the same: a later recovery must not repeat what other
    /// operations have built upon since.
    fn close(&self, mut journal: Journal, ending: &Ending) {
        let header = &journal.begun().header;
        let (id, command) = (header.id.clone(), header.command.clone());
        self.pass_end(&command, Side::Before);
        if let Err(error) = journal.archive(ending) {
            let error = os_types::chain(&error);
            tracing::error!(operation = %id, error, "history lacks operation");
        }
        self.pass_end(&command, Side::After);
        if let Err(error) = journal.discard() {
            let error = os_types::chain(&error);
            tracing::error!(operation = %id, error, "journal stays");
        }
    }

    // === the host, guarded ===

    fn apply(
        &self,
        journal: &SharedJournal,
        step: &Step,
        control: &Control,
        is_way_back: bool,
    ) -> Result<Outcome, Failure> {
        let context = StepContext {
            operation: &journal.id,
            control,
            recovery: self.recovery,
            progress: self.progress,
            is_way_back,
        };
        let applied = guard(step, || self.host.apply(step, &context));
        applied.map_err(|mut failure| {
            // The runtime does not know the reason of the interruption.
            let reason = control.cancellation.reason();
            if let Some(reason) = reason.filter(|_| failure.code == Code::Cancelled)
                && !failure.message.contains(&reason)
            {
                failure.message = format!("{reason}: {}", failure.message);
            }
            failure
        })
    }

    fn check(&self, step: &Step) -> Result<StepCheck, Failure> {
        guard(step, || self.host.check(step))
    }

    fn is_skipped(&self, step: &Step) -> bool {
        self.start == Start::OtherBoot && step.durability() != Durability::Durable
    }

    /// Whether the effect of a step went with the daemon that the journal tells of.
    fn is_forgotten(&self, step: &Step) -> bool {
        self.start == Start::SameBoot && step.durability() == Durability::Memory
    }

    fn pass(
        &self,
        journal: &SharedJournal,
        moment: Moment,
        side: Side,
        step: Option<&Step>,
    ) -> Result<(), Failure> {
        let point = Point { moment, side };
        let kind = step.map(Step::kind);
        self.faults.pass(&journal.command, point, kind)
    }

    fn pass_end(&self, command: &str, side: Side) {
        let moment = Moment::End;
        // A fault plan with a failure here does not parse.
        let passed = self.faults.pass(command, Point { moment, side }, None);
        debug_assert_eq!(passed, Ok(()));
    }
}

/// A panic in a step is a failure of that step: what was done is taken back and the daemon lives.
/// `place` says where, e.g. in which step.
pub(crate) fn guard<T>(
    place: &dyn Display,
    call: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    // After a panic no code uses the state of the host without a check first.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        let text = format!("a panic in the program, in {place}: {text}");
        Err(Failure::new(Code::Internal, text))
    })
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
