//! Runs the steps of an operation, forwards or back, and keeps its journal.
//!
//! ```text
//!          ┌─> forward ──all steps──────────────────> close (finished)
//!   begin ─┤      └─failure, cancel, deadline─> back ─> close (reverted, cancelled)
//!   crash ─┴─journal says reverting────────────^ └─stuck─> close (failed)
//! ```
//!
//! A step is looked at before its intent is written. So an intent means that the step was at its
//! near end, and that whatever is found at the far end later is the work of this operation and may
//! be taken back, while a step that was found done is never touched by the way back.
//!
//! Recovery runs through the same code: the marks of the step_log tell it what the dead daemon did.
//! On another boot, or with a pool that came from another host, run-only steps are skipped both
//! ways, and the end of the journal may be missing: a step without a mark that is found at its far
//! end is then taken for ours. That would be wrong for a step that had nothing to do from the start,
//! if the operation could not be finished either; so planners leave such steps out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use os_api::{OperationState, StepState};
use os_types::step::Durability;
use os_types::{Code, Explain, Failure, Plan, Step};

use crate::control::Control;
use crate::fault::{Faults, Moment, Point, Side};
use crate::host::{Host, Outcome, StepCheck, StepContext};
use crate::journal::step_log::StepProgress;
use crate::journal::{Ending, Journal, Line};
use crate::locks::StepLocks;
use crate::recover::Recovery;

/// Who is told how an operation goes on.
pub(crate) trait ProgressSink {
    /// A step, counted from 1, came into another state.
    fn step(&self, number: usize, state: StepState);
    /// What a long step is doing now.
    fn progress(&self, text: &str);
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
    /// None in recovery, which runs while no other operation can touch the same entities.
    pub(crate) locks: Option<&'a StepLocks>,
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
    pub(crate) fn run(&self, mut journal: Journal) -> Ending {
        let plan = journal.begun().plan.clone();
        let ending = if let Some(ending) = journal.step_log().end() {
            ending.clone()
        } else if let Some(reason) = journal.step_log().reverting().cloned() {
            self.back(&mut journal, &plan, reason)
        } else {
            match self.forward(&mut journal, &plan) {
                Ok(()) => self.ending(OperationState::Finished, None),
                Err(reason) => self.back(&mut journal, &plan, reason),
            }
        };
        self.close(journal, &ending);
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

    // === forward ===

    fn forward(&self, journal: &mut Journal, plan: &Plan) -> Result<(), Failure> {
        self.pass(journal, Moment::Begin, Side::After, None)?;
        if self.start != Start::Fresh {
            // The world may be another one since the plan was made.
            self.host.verify(plan)?;
        }
        let last_host_step = plan.steps.iter().rposition(Step::uses_host);
        for (number, step) in (1..).zip(&plan.steps) {
            let mark = journal.step_log().mark(number);
            // What is recorded as done is not looked at again: a later step may have changed it on.
            if matches!(mark, StepProgress::Changed | StepProgress::Unchanged)
                || self.is_skipped(step)
            {
                let state = match mark {
                    StepProgress::Changed => StepState::Done,
                    _ => StepState::Unchanged,
                };
                self.progress.step(number, state);
                continue;
            }
            let total = plan.steps.len();
            self.control
                .stop(|| format!("step {number} of {total}, {step}"))?;
            self.progress.step(number, StepState::Running);
            if step.uses_host() {
                self.take_host(self.control)?;
            }
            let state = self
                .forward_step(journal, number, step)
                .inspect_err(|_| self.progress.step(number, StepState::Failed))?;
            self.progress.step(number, state);
            if last_host_step == Some(number - 1) {
                self.release_host();
            }
        }
        Ok(())
    }

    /// Locks the host: right before the first step that needs it, unless it was held before the
    /// plan was made.
    fn take_host(&self, control: &Control) -> Result<(), Failure> {
        self.locks.map_or(Ok(()), |locks| locks.take_host(control))
    }

    fn release_host(&self) {
        if let Some(locks) = self.locks {
            locks.release_host();
        }
    }

    fn forward_step(
        &self,
        journal: &mut Journal,
        number: usize,
        step: &Step,
    ) -> Result<StepState, Failure> {
        let point = Moment::Step(number);
        self.pass(journal, point, Side::Before, Some(step))?;
        let done = |outcome| Line::Done {
            step: number,
            outcome,
        };
        match (self.check(step)?, journal.step_log().mark(number)) {
            (StepCheck::Ready, _) => {
                note(journal, &Line::Intent { step: number })?;
                let applied = self.apply(journal, step, self.control);
                if applied.as_ref().is_err_and(|f| f.code == Code::Conflict) {
                    // A conflict leaves the object alone: nothing is to be taken back, and the
                    // inverse would meet the same conflict.
                    note(journal, &Line::Reverted { step: number })?;
                }
                let outcome = applied?;
                self.pass(journal, point, Side::After, Some(step))?;
                note(journal, &done(outcome))?;
                return Ok(match outcome {
                    Outcome::Changed => StepState::Done,
                    Outcome::Unchanged => StepState::Unchanged,
                });
            }
            (StepCheck::Conflict(found), _) => {
                return Err(Failure::new(
                    Code::Conflict,
                    format!("cannot {step}: {found}"),
                ));
            }
            (StepCheck::Done, mark) => {
                // Intended before the crash, so applied by us; or taken to be so, see above.
                let ours = mark == StepProgress::Intended || self.start == Start::OtherBoot;
                let outcome = if ours {
                    Outcome::Changed
                } else {
                    Outcome::Unchanged
                };
                note(journal, &done(outcome))?;
            }
        }
        self.pass(journal, point, Side::After, Some(step))?;
        Ok(StepState::Unchanged)
    }

    // === back ===

    /// Takes back what this operation did.
    fn back(&self, journal: &mut Journal, plan: &Plan, reason: Failure) -> Ending {
        self.progress.reverting();
        if journal.step_log().reverting().is_none() {
            let reason = reason.clone();
            let unsure = self.start == Start::OtherBoot;
            note_anyway(journal, &Line::Reverting { reason, unsure });
        }
        let steps: Vec<_> = (1..).zip(&plan.steps).collect();
        for (number, step) in steps.into_iter().rev() {
            match self.back_step(journal, number, step) {
                Ok(true) => self.progress.step(number, StepState::Reverted),
                Ok(false) => {}
                Err(failure) => return self.stuck(journal, (number, step), &reason, &failure),
            }
        }
        let state = match reason.code {
            Code::Cancelled => OperationState::Cancelled,
            _ => OperationState::Reverted,
        };
        self.ending(state, Some(reason))
    }

    /// Takes one step back; false if it was not ours.
    fn back_step(
        &self,
        journal: &mut Journal,
        number: usize,
        step: &Step,
    ) -> Result<bool, Failure> {
        if self.is_skipped(step) {
            return Ok(false);
        }
        match journal.step_log().mark(number) {
            StepProgress::Intended | StepProgress::Changed => {}
            StepProgress::Unknown if journal.step_log().is_unsure() => {
                if self.check(step)? != StepCheck::Done {
                    // Written down, because it may look done once the steps before it are undone.
                    note_anyway(journal, &Line::Reverted { step: number });
                    return Ok(false);
                }
            }
            StepProgress::Unknown | StepProgress::Unchanged | StepProgress::Reverted => {
                return Ok(false);
            }
        }
        let control = Control::unstoppable();
        if step.uses_host() {
            self.take_host(&control)?;
        }
        let point = Moment::Revert(number);
        self.pass(journal, point, Side::Before, Some(step))?;
        match step.inverse() {
            Some(inverse) => drop(self.apply(journal, &inverse, &control)?),
            // It failed before it destroyed anything.
            None if self.check(step)? == StepCheck::Ready => {}
            None => return Err(Failure::new(Code::Step, "it has no inverse")),
        }
        self.pass(journal, point, Side::After, Some(step))?;
        note_anyway(journal, &Line::Reverted { step: number });
        Ok(true)
    }

    /// The end of an operation of which something is left: the step before which the way back
    /// stopped, and those before that one, which it may depend on.
    fn stuck(
        &self,
        journal: &Journal,
        (number, step): (usize, &Step),
        reason: &Failure,
        failure: &Failure,
    ) -> Ending {
        let ours = |at: &usize| {
            let mark = journal.step_log().mark(*at);
            *at == number || matches!(mark, StepProgress::Intended | StepProgress::Changed)
        };
        let left: Vec<usize> = (1..=number).filter(ours).collect();
        let numbers: Vec<String> = left.iter().map(usize::to_string).collect();
        let text = format!(
            "{reason}; and step {number}, {step}, could not be taken back: {failure}; still in \
             effect: step {}",
            numbers.join(", ")
        );
        let failure = Failure {
            message: text,
            ..reason.clone()
        };
        Ending {
            left,
            ..self.ending(OperationState::Failed, Some(failure))
        }
    }

    // === end ===

    /// Moves the operation from the journal to the history.
    ///
    /// The world is settled when this is called; a full disk must not change that. If the history
    /// cannot be written, the journal goes all the same: a later recovery must not repeat what other
    /// operations have built upon since.
    fn close(&self, mut journal: Journal, ending: &Ending) {
        let id = journal.begun().header.id.clone();
        self.pass_end(&journal, Side::Before);
        if let Err(error) = journal.archive(ending) {
            let error = os_types::chain(&error);
            tracing::error!(operation = %id, error, "history lacks operation");
        }
        self.pass_end(&journal, Side::After);
        if let Err(error) = journal.discard() {
            let error = os_types::chain(&error);
            tracing::error!(operation = %id, error, "journal stays");
        }
    }

    // === the host, guarded ===

    fn apply(&self, journal: &Journal, step: &Step, control: &Control) -> Result<Outcome, Failure> {
        let context = StepContext {
            operation: &journal.begun().header.id,
            control,
            recovery: self.recovery,
            progress: self.progress,
        };
        guard(step, || self.host.apply(step, &context))
    }

    fn check(&self, step: &Step) -> Result<StepCheck, Failure> {
        guard(step, || self.host.check(step))
    }

    fn is_skipped(&self, step: &Step) -> bool {
        self.start == Start::OtherBoot && step.durability() == Durability::Run
    }

    fn pass(
        &self,
        journal: &Journal,
        moment: Moment,
        side: Side,
        step: Option<&Step>,
    ) -> Result<(), Failure> {
        let command = &journal.begun().header.command;
        let point = Point { moment, side };
        self.faults.pass(command, point, step.map(Step::kind))
    }

    fn pass_end(&self, journal: &Journal, side: Side) {
        // A fault plan with a failure here does not parse.
        let passed = self.pass(journal, Moment::End, side, None);
        debug_assert_eq!(passed, Ok(()));
    }
}

/// A panic in a step is a failure of that step: what was done is taken back and the daemon lives.
pub(crate) fn guard<T>(
    step: &Step,
    call: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    // What a panic leaves behind in the host is looked at by nobody without a check first.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        let text = format!("a panic in the program, in {step}: {text}");
        Err(Failure::new(Code::Internal, text))
    })
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}

fn note(journal: &mut Journal, line: &Line) -> Result<(), Failure> {
    journal.note(line).map_err(Failure::from)
}

/// On the way back: taking back is more important than writing it down. A crash would only make
/// recovery look at the steps again.
fn note_anyway(journal: &mut Journal, line: &Line) {
    if let Err(error) = journal.note(line) {
        let operation = &journal.begun().header.id;
        let object = error.object();
        let error = os_types::chain(&error);
        tracing::warn!(%operation, object, error, "way back is not written down");
        journal.remember_unwritten(line);
    }
}
