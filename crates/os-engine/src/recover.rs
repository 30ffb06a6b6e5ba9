//! Settles what a crash left in the journals of a place.
//!
//! An operation whose journal is still there is rolled forward, because that is what somebody asked
//! for; back, if it was on its way back or cannot go forward any more. No locks are taken: whoever
//! calls this has the place for itself (the daemon before it takes work, the operation that
//! activates a pool).

use std::path::Path;

use jiff::Timestamp;
use os_api::{Operation, OperationState};
use os_types::plan::JournalPlace;
use os_types::{Code, Failure, OpId};

use crate::control::Control;
use crate::engine::Inner;
use crate::executor::{Executor, Start};
use crate::host::Host;
use crate::journal::{Ending, Folder, Found, Journal, JournalError, remove};
use crate::operation_table::resumed;

/// The part of the engine that a step may use.
pub(crate) trait Recovery: Sync {
    /// Settles the journals of a place; returns the operations found there.
    fn recover_place(&self, place: &JournalPlace) -> Result<Vec<OpId>, Failure>;
}

impl<H: Host> Recovery for Inner<H> {
    fn recover_place(&self, place: &JournalPlace) -> Result<Vec<OpId>, Failure> {
        let folder = self.folder(place)?;
        let unsettled = folder.unsettled()?;
        let mut settled = Vec::new();
        for path in unsettled {
            // A file of another name is none of ours.
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let Ok(id) = stem.parse::<OpId>() else {
                tracing::warn!(path = %path.display(), "file is no journal");
                continue;
            };
            // Of this daemon and still at it, e.g. stuck in a step while the pool was exported.
            if self.operations.is_live(&id) {
                continue;
            }
            if let Err(error) = self.settle(&folder, &path, &id) {
                self.report(&id, OperationState::Failed, aside(&folder, &path, error));
            }
            settled.push(id);
        }
        Ok(settled)
    }
}

impl<H: Host> Inner<H> {
    /// Brings one journal to its end.
    fn settle(&self, folder: &Folder, path: &Path, id: &OpId) -> Result<(), JournalError> {
        let found = Journal::reopen(folder, path)?;
        let Found::Open(journal) = found else {
            remove(path)?;
            let text = "osctld ended before the first step; nothing was done";
            let failure = Failure::new(Code::Cancelled, text);
            self.report(id, OperationState::Cancelled, failure);
            return Ok(());
        };
        if folder.has_ended(id)? {
            // The crash came between history and removal; it was told what became of it.
            return remove(path);
        }
        self.resume(*journal);
        Ok(())
    }

    fn resume(&self, journal: Journal) {
        let header = &journal.begun().header;
        let control = Control::unstoppable();
        let operation = resumed(header, &journal.begun().plan);
        let here = header.boot == self.identity.boot && header.host == self.identity.host;
        let entry = self.operations.readd(control, operation);
        let executor = Executor {
            host: &self.host,
            faults: &self.faults,
            recovery: self,
            progress: &*entry,
            control: &entry.control,
            locks: None,
            start: if here {
                Start::SameBoot
            } else {
                Start::OtherBoot
            },
        };
        let ending = executor.run(journal);
        self.operations.end(&entry, &ending);
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
