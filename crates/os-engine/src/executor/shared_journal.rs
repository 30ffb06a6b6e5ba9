//! The journal of an operation whose steps may run side by side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use os_types::{Explain as _, Failure, OpId};

use crate::journal::step_log::StepProgress;
use crate::journal::{Journal, Line};

/// A journal with a lock. A line is one write, so lines of several steps do not mix.
#[derive(Debug)]
pub(super) struct SharedJournal {
    pub(super) id: OpId,
    pub(super) command: String,
    journal: Mutex<Journal>,
}

impl SharedJournal {
    pub(super) fn new(journal: Journal) -> Self {
        let header = &journal.begun().header;
        Self {
            id: header.id.clone(),
            command: header.command.clone(),
            journal: Mutex::new(journal),
        }
    }

    pub(super) fn into_inner(self) -> Journal {
        let journal = self.journal.into_inner();
        journal.unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known about a step, counted from 1.
    pub(super) fn progress(&self, step: usize) -> StepProgress {
        self.lock().step_log().mark(step)
    }

    /// Whether steps are being taken back.
    pub(super) fn is_reverting(&self) -> bool {
        self.lock().step_log().reverting().is_some()
    }

    /// Whether steps without a line may have been applied all the same.
    pub(super) fn is_unsure(&self) -> bool {
        self.lock().step_log().is_unsure()
    }

    /// Writes a line down.
    pub(super) fn note(&self, line: &Line) -> Result<(), Failure> {
        let noted = self.lock().note(line);
        noted.map_err(Failure::from)
    }

    /// Writes a line down during rollback, which is more important than writing it down: without
    /// the line, a crash only makes recovery look at the step again.
    pub(super) fn note_anyway(&self, line: &Line) {
        let mut journal = self.lock();
        if let Err(error) = journal.note(line) {
            let (operation, object) = (&self.id, error.object());
            let error = os_types::chain(&error);
            tracing::warn!(%operation, object, error, "a line of the rollback cannot be written");
            journal.remember_unwritten(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
