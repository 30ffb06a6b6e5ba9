//! Settles what a crash left in the journals of a place.
//!
//! An operation whose journal is still there is rolled forward, because that is what somebody asked
//! for; back, if it was being rolled back or cannot go forward any more. No locks are taken: the caller
//! has the place for itself (the daemon before it takes work, the operation that imports a pool).
//! What may have to wait for guests is taken up with locks instead (`Engine::resume`).

use std::path::Path;

use jiff::Timestamp;
use os_api::{Operation, OperationState};
use os_types::plan::JournalPlace;
use os_types::{Code, Failure, OpId};

use crate::control::Control;
use crate::engine::Inner;
use crate::executor::{Executor, Start};
use crate::host::Host;
use crate::journal::step_log::StepProgress;
use crate::journal::{Begin, Ending, Folder, Found, Journal, JournalError, remove};
use crate::locks::StepLocks;
use crate::operation_table::{Entry, resumed};

/// The part of the engine that a step may use.
pub(crate) trait Recovery: Sync {
    /// Settles the journals of a place; returns the operations found there.
    fn recover_place(&self, place: &JournalPlace) -> Result<Vec<OpId>, Failure>;
}

impl<H: Host> Recovery for Inner<H> {
    fn recover_place(&self, place: &JournalPlace) -> Result<Vec<OpId>, Failure> {
        let found = self.unsettled(place, Which::AtOnce)?;
        let mut settled = found.reported;
        for journal in found.journals {
            settled.push(journal.begun().header.id.clone());
            self.settle(journal);
        }
        Ok(settled)
    }
}

/// Which journals to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that can be settled while no other operation runs.
    AtOnce,
    /// All of them.
    All,
}

/// What was found at a place.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    /// Journals to bring to their end, oldest first.
    pub(crate) journals: Vec<Journal>,
    /// Operations of which nothing is left to do.
    pub(crate) reported: Vec<OpId>,
}

impl<H: Host> Inner<H> {
    /// The journals that a crash left at a place.
    pub(crate) fn unsettled(
        &self,
        place: &JournalPlace,
        which: Which,
    ) -> Result<Unsettled, Failure> {
        let folder = self.folder(place)?;
        let mut found = Unsettled::default();
        for path in folder.unsettled()? {
            // A file of another name does not belong to osctl.
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let Ok(id) = stem.parse::<OpId>() else {
                tracing::warn!(path = %path.display(), "file is no journal");
                continue;
            };
            // Of this daemon and still at it, e.g. stuck in a step while the pool was exported.
            if self.operations.is_live(&id) {
                continue;
            }
            match self.reopen(&folder, &path, &id) {
                Ok(Some(journal)) if which == Which::AtOnce && self.waits(&journal) => {}
                Ok(Some(journal)) => found.journals.push(journal),
                Ok(None) => found.reported.push(id),
                Err(error) => {
                    let failure = aside(&folder, &path, error);
                    self.report(&id, OperationState::Failed, failure);
                    found.reported.push(id);
                }
            }
        }
        Ok(found)
    }

    /// Reads one journal; none if nothing is left to do.
    fn reopen(
        &self,
        folder: &Folder,
        path: &Path,
        id: &OpId,
    ) -> Result<Option<Journal>, JournalError> {
        let found = Journal::reopen(folder, path)?;
        let Found::Open(journal) = found else {
            remove(path)?;
            let text = "osctld ended before the first step; nothing was done";
            let failure = Failure::new(Code::Cancelled, text);
            self.report(id, OperationState::Cancelled, failure);
            return Ok(None);
        };
        if folder.has_ended(id)? {
            // The crash was between history and removal; the end was already reported.
            remove(path)?;
            return Ok(None);
        }
        Ok(Some(*journal))
    }

    /// Brings one journal to its end.
    fn settle(&self, journal: Journal) {
        let control = Control::unstoppable();
        let entry = self.operations.readd(control, resumed(journal.begun()));
        let ending = self.run_resumed((&entry, &entry.control), journal, None);
        self.operations.end(&entry, &ending);
    }

    /// Goes on with a journal of an earlier daemon, on a thread that may block.
    pub(crate) fn run_resumed(
        &self,
        (entry, takeover): (&Entry, &Control),
        journal: Journal,
        locks: Option<&StepLocks>,
    ) -> Ending {
        let executor = Executor {
            host: &self.host,
            faults: &self.faults,
            recovery: self,
            progress: entry,
            control: &entry.control,
            takeover,
            locks,
            busy: self.busy,
            start: self.start_of(&journal),
        };
        executor.run(journal)
    }

    /// Whether an operation still has containers to start or stop. Until their pool has been imported,
    /// nothing is known about them.
    fn waits(&self, journal: &Journal) -> bool {
        let Begin { plan, .. } = journal.begun();
        let log = journal.step_log();
        let is_pending = |number: usize| {
            let progress = log.mark(number);
            matches!(progress, StepProgress::Unknown | StepProgress::Intended)
        };
        let mut steps = (1..).zip(&plan.steps);
        self.start_of(journal) == Start::SameBoot
            && log.reverting().is_none()
            && steps.any(|(number, step)| step.container().is_some() && is_pending(number))
    }

    fn start_of(&self, journal: &Journal) -> Start {
        let header = &journal.begun().header;
        if header.boot == self.identity.boot && header.host == self.identity.host {
            Start::SameBoot
        } else {
            Start::OtherBoot
        }
    }

    /// Lists an operation whose journal tells nothing.
    fn report(&self, id: &OpId, state: OperationState, failure: Failure) {
        let now = Timestamp::now();
        let operation = Operation {
            id: id.clone(),
            command: "recover".to_owned(),
            cli: String::new(),
            state: OperationState::Running,
            uid: 0,
            pid: 0,
            touches: Vec::new(),
            created: now,
            started: None,
            ended: None,
            steps: Vec::new(),
            waits_for: None,
            cancelling: None,
            warnings: Vec::new(),
            failure: None,
            undoes: None,
            recovered: true,
        };
        let entry = self.operations.readd(Control::unstoppable(), operation);
        let ending = Ending {
            ended: now,
            state,
            failure: Some(failure),
            recovered: true,
            left: Vec::new(),
        };
        self.operations.end(&entry, &ending);
    }
}

/// Puts a damaged journal aside; returns what to tell about it.
fn aside(folder: &Folder, path: &Path, error: JournalError) -> Failure {
    let is_damage = error.is_damage();
    let mut failure = Failure::from(error);
    if !is_damage {
        return failure;
    }
    let outcome = folder.put_aside(path).map_or_else(
        |error| os_types::chain(&error),
        |aside| format!("it is now {}", aside.display()),
    );
    failure.message = format!("{failure}; {outcome}");
    failure
}
