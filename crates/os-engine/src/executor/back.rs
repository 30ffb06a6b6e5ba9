//! Back: what an operation did is taken back, the last step first.

use os_api::{OperationState, StepState};
use os_types::{Code, Failure, Plan, Step};

use super::shared_journal::SharedJournal;
use super::{Executor, Start};
use crate::control::Control;
use crate::fault::{Moment, Side};
use crate::host::{Host, StepCheck};
use crate::journal::step_log::StepProgress;
use crate::journal::{Ending, Line};

/// What became of a step during rollback.
enum Back {
    Reverted,
    /// It was not applied by this operation.
    Nothing,
    /// It is irreversible, and needs none.
    Stays,
}

impl<H: Host> Executor<'_, H> {
    /// Takes back what this operation did.
    pub(super) fn back(&self, journal: &SharedJournal, plan: &Plan, reason: Failure) -> Ending {
        self.progress.reverting();
        if !journal.is_reverting() {
            let reason = reason.clone();
            let unsure = self.start == Start::OtherBoot;
            journal.note_anyway(&Line::Reverting { reason, unsure });
        }
        let steps: Vec<_> = (1..).zip(&plan.steps).collect();
        let mut left = Vec::new();
        for (number, step) in steps.into_iter().rev() {
            match self.back_step(journal, number, step) {
                Ok(Back::Reverted) => self.progress.step(number, StepState::Reverted),
                Ok(Back::Nothing) => {}
                Ok(Back::Stays) => left.insert(0, number),
                Err(failure) => {
                    self.back_deferred(journal, &plan.steps[..number - 1]);
                    return self.stuck(journal, (number, step), &reason, &failure);
                }
            }
        }
        let state = match reason.code {
            Code::Cancelled => OperationState::Cancelled,
            _ => OperationState::Reverted,
        };
        let mut reason = reason;
        if !left.is_empty() {
            let which = numbers(&left);
            let stays = format!("; irreversible steps stay in effect: step {which}");
            reason.message.push_str(&stays);
        }
        Ending {
            left,
            ..self.ending(state, Some(reason))
        }
    }

    /// Takes one step back.
    fn back_step(
        &self,
        journal: &SharedJournal,
        number: usize,
        step: &Step,
    ) -> Result<Back, Failure> {
        if self.is_skipped(step) {
            return Ok(Back::Nothing);
        }
        match journal.progress(number) {
            _ if self.is_forgotten(step) => {}
            StepProgress::Intended | StepProgress::Changed => {}
            StepProgress::Unknown if journal.is_unsure() => {
                if self.check(step)? != StepCheck::Done {
                    // Written down, because it may look done once the steps before it are undone.
                    journal.note_anyway(&Line::Reverted { step: number });
                    return Ok(Back::Nothing);
                }
            }
            StepProgress::Unknown | StepProgress::Unchanged | StepProgress::Reverted => {
                return Ok(Back::Nothing);
            }
        }
        if step.stays() {
            // Intended is not applied: a stop that was interrupted leaves a container that runs.
            let is_applied = self.check(step)? == StepCheck::Done;
            return Ok(if is_applied {
                Back::Stays
            } else {
                Back::Nothing
            });
        }
        let control = Control::unstoppable();
        let point = Moment::Revert(number);
        self.pass(journal, point, Side::Before, Some(step))?;
        match step.inverse() {
            Some(inverse) => drop(self.apply(journal, &inverse, &control, true)?),
            // It failed before it destroyed anything.
            None if self.check(step)? == StepCheck::Ready => {}
            None => return Err(Failure::new(Code::Step, "it has no inverse")),
        }
        self.pass(journal, point, Side::After, Some(step))?;
        journal.note_anyway(&Line::Reverted { step: number });
        Ok(Back::Reverted)
    }

    /// Takes back what the steps before the one at which the rollback stopped only put out of use:
    /// it is on the disk, and would come back when the daemon starts again. One that cannot be taken
    /// back is among what is left.
    fn back_deferred(&self, journal: &SharedJournal, steps: &[Step]) {
        for (at, step) in steps.iter().enumerate().rev() {
            let number = at + 1;
            if !step.is_deferred() {
                continue;
            }
            match self.back_step(journal, number, step) {
                Ok(Back::Reverted) => self.progress.step(number, StepState::Reverted),
                Ok(Back::Nothing | Back::Stays) => {}
                Err(failure) => tracing::warn!(%step, %failure, "not taken back either"),
            }
        }
    }

    /// The end of an operation of which something is left: the step before which the rollback
    /// stopped, and those before that one, which it may depend on.
    fn stuck(
        &self,
        journal: &SharedJournal,
        (number, step): (usize, &Step),
        reason: &Failure,
        failure: &Failure,
    ) -> Ending {
        let ours = |at: &usize| {
            let mark = journal.progress(*at);
            *at == number || matches!(mark, StepProgress::Intended | StepProgress::Changed)
        };
        let left: Vec<usize> = (1..=number).filter(ours).collect();
        let text = format!(
            "{reason}; and step {number}, {step}, could not be taken back: {failure}; still in \
             effect: step {}",
            numbers(&left)
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
}

/// Numbers of steps, e.g. `1, 2`.
fn numbers(steps: &[usize]) -> String {
    let numbers: Vec<String> = steps.iter().map(usize::to_string).collect();
    numbers.join(", ")
}
