//! Forward: each step that is not done yet, in order or side by side.

use os_api::StepState;
use os_types::{Code, Failure, Plan, Step};

use super::shared_journal::SharedJournal;
use super::{Executor, Start};
use crate::control::Control;
use crate::fault::{Moment, Side};
use crate::host::{Host, Outcome, StepCheck};
use crate::journal::Line;
use crate::journal::step_log::StepProgress;

impl<H: Host> Executor<'_, H> {
    pub(super) fn forward(&self, journal: &SharedJournal, plan: &Plan) -> Result<(), Failure> {
        self.pass(journal, Moment::Begin, Side::After, None)?;
        let last_about_guest = plan.steps.iter().rposition(Step::is_about_guest);
        let mut next = 1;
        while let Some(step) = plan.steps.get(next - 1) {
            if let Some(group) = plan.parallel_at(next) {
                self.forward_group(journal, plan, group)?;
                next += group.count.max(1);
                continue;
            }
            let is_past_guests = last_about_guest.is_some_and(|last| next - 1 > last);
            let control = if is_past_guests {
                self.control
            } else {
                self.takeover
            };
            if self.begin_step(journal, plan, next, control)? {
                self.forward_shown(next, || self.forward_step(journal, next, step, control))?;
            }
            next += 1;
        }
        Ok(())
    }

    /// Whether a step is still to be applied.
    ///
    /// # Errors
    /// The operation may not go on.
    pub(super) fn begin_step(
        &self,
        journal: &SharedJournal,
        plan: &Plan,
        number: usize,
        control: &Control,
    ) -> Result<bool, Failure> {
        let step = &plan.steps[number - 1];
        let progress = journal.progress(number);
        // What is recorded as done is not looked at again: a later step may have changed it on.
        let is_done = matches!(progress, StepProgress::Changed | StepProgress::Unchanged);
        if is_done && !self.is_forgotten(step) || self.is_skipped(step) {
            let state = match progress {
                StepProgress::Changed => StepState::Done,
                _ => StepState::Unchanged,
            };
            self.progress.step(number, state);
            return Ok(false);
        }
        let total = plan.steps.len();
        control.stop(|| format!("step {number} of {total}, {step}"))?;
        Ok(true)
    }

    /// Applies a step and shows where it is.
    pub(super) fn forward_shown(
        &self,
        number: usize,
        apply: impl FnOnce() -> Result<StepState, Failure>,
    ) -> Result<(), Failure> {
        self.progress.step(number, StepState::Running);
        let state = apply().inspect_err(|_| self.progress.step(number, StepState::Failed))?;
        self.progress.step(number, state);
        Ok(())
    }

    pub(super) fn forward_step(
        &self,
        journal: &SharedJournal,
        number: usize,
        step: &Step,
        control: &Control,
    ) -> Result<StepState, Failure> {
        let point = Moment::Step(number);
        self.pass(journal, point, Side::Before, Some(step))?;
        let done = |outcome| Line::Done {
            step: number,
            outcome,
        };
        match (self.check(step)?, journal.progress(number)) {
            (StepCheck::Ready, _) => {
                journal.note(&Line::Intent { step: number })?;
                let applied = self.apply(journal, step, control, false);
                if applied.as_ref().is_err_and(|f| f.code == Code::Conflict) {
                    // A conflict changes nothing, so there is nothing to revert, and the inverse would
                    // have the same conflict. A full disk hides no conflict.
                    journal.note_anyway(&Line::Reverted { step: number });
                }
                let outcome = applied?;
                self.pass(journal, point, Side::After, Some(step))?;
                journal.note(&done(outcome))?;
                return Ok(match outcome {
                    Outcome::Changed => StepState::Done,
                    Outcome::Unchanged => StepState::Unchanged,
                });
            }
            (StepCheck::Conflict(found), _) => {
                let text = format!("cannot {step}: {found}");
                return Err(Failure::new(Code::Conflict, text));
            }
            (StepCheck::Done, progress) => {
                // Intended before the crash, so applied by us; or taken to be so, see `executor`.
                let ours = progress == StepProgress::Intended || self.start == Start::OtherBoot;
                let outcome = if ours {
                    Outcome::Changed
                } else {
                    Outcome::Unchanged
                };
                journal.note(&done(outcome))?;
            }
        }
        self.pass(journal, point, Side::After, Some(step))?;
        Ok(StepState::Unchanged)
    }
}
