//! What a journal says about each step of its operation.

use os_types::Failure;

use super::record::{Ending, Line};
use crate::host::Outcome;

/// What is known about a step.
///
/// ```text
///   Unknown ──> Intended ──> Changed ──> Reverted
///      ├────────────┼───────────────────────^
///      └────────────┴─> Unchanged
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepProgress {
    /// Nothing: it was not begun, or (after a power loss) the end of the journal is missing.
    Unknown,
    /// It was in its initial state and may have been applied.
    Intended,
    /// It was applied by this operation.
    Changed,
    /// It came to its target state without this operation.
    Unchanged,
    /// It was taken back, or it was not applied.
    Reverted,
}

/// The sum of a journal's lines after the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepLog {
    marks: Vec<StepProgress>,
    reverting: Option<Failure>,
    unsure: bool,
    end: Option<Ending>,
}

impl StepLog {
    /// Of a plan with `steps` steps, of which none was begun.
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            marks: vec![StepProgress::Unknown; steps],
            reverting: None,
            unsure: false,
            end: None,
        }
    }

    /// Takes a line into account; false if it cannot stand here.
    pub(crate) fn enter(&mut self, line: &Line) -> bool {
        if self.end.is_some() {
            return false;
        }
        match line {
            Line::Begin(_) => false,
            Line::Intent { step } => self.put(*step, StepProgress::Intended),
            Line::Done { step, outcome } => {
                let mark = match outcome {
                    Outcome::Changed => StepProgress::Changed,
                    Outcome::Unchanged => StepProgress::Unchanged,
                };
                self.put(*step, mark)
            }
            Line::Reverting { reason, unsure } => {
                self.reverting = Some(reason.clone());
                self.unsure = *unsure;
                true
            }
            Line::Reverted { step } => self.put(*step, StepProgress::Reverted),
            Line::End(ending) => {
                self.end = Some(Ending::clone(ending));
                true
            }
        }
    }

    fn put(&mut self, step: usize, mark: StepProgress) -> bool {
        let place = step.checked_sub(1).and_then(|at| self.marks.get_mut(at));
        place.map(|place| *place = mark).is_some()
    }

    /// What is known about a step, counted from 1.
    pub(crate) fn mark(&self, step: usize) -> StepProgress {
        let mark = step.checked_sub(1).and_then(|at| self.marks.get(at));
        mark.copied().unwrap_or(StepProgress::Unknown)
    }

    /// Why steps are being taken back, if they are.
    pub(crate) fn reverting(&self) -> Option<&Failure> {
        self.reverting.as_ref()
    }

    /// Whether steps without a mark may have been applied all the same.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// How the operation ended, if it did.
    pub(crate) fn end(&self) -> Option<&Ending> {
        self.end.as_ref()
    }
}
