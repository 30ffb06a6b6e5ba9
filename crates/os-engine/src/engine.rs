//! The engine as the daemon uses it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use os_api::{Operation, OperationState, Queue};
use os_types::plan::JournalPlace;
use os_types::{Failure, OpId, Plan};

use crate::control::Control;
use crate::events::Events;
use crate::fault::Faults;
use crate::history::History;
use crate::host::Host;
use crate::journal::{Appending, Folder, JournalDirs};
use crate::locks::{Claimant, LockTable};
use crate::operation_table::{Entry, OperationTable};
use crate::recover::{Recovery, Which};
use crate::request::{OperationRequest, Strength};
use crate::slots::Slots;
use crate::threads::{self, Threads};
use crate::undo::UndoTarget;

use run::Drive;

mod run;
#[cfg(test)]
mod tests;

/// What the engine is made of; given by the wiring.
pub struct Setup<H> {
    /// What steps are applied to.
    pub host: H,
    /// Where journals are.
    pub journals: Box<dyn JournalDirs>,
    /// Which host this is.
    pub identity: Identity,
    /// Faults to inject; none outside of tests.
    pub faults: Faults,
    /// How much of everything.
    pub limits: Limits,
}

/// Which boot of which host this is. Journals of another one may lack their end, and what only ran
/// then does not run any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The boot, e.g. from `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
    /// The host.
    pub host: String,
}

/// The bounds of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Operations that wait for one entity. More of them would be hours behind; it is better to say
    /// so at once.
    pub queue: usize,
    /// Operations on their way. Each costs a few KiB while it waits.
    pub in_flight: usize,
    /// Threads that plan and apply steps. Most of them sleep until a guest has shut down.
    pub threads: usize,
    /// How long an operation or a step counts as work for the host: a guest that starts or shuts down
    /// needs a few seconds. One that takes longer waits for its guest, and does not keep others of
    /// its kind from beginning.
    pub busy: Duration,
    /// Ended operations in memory; the history has them all.
    pub ended: usize,
    /// Events that a reader can resume from: minutes of heavy use in a few MiB.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 64,
            in_flight: 1000,
            threads: 256,
            busy: Duration::from_secs(10),
            ended: 1000,
            events: 4096,
        }
    }
}

/// The engine; cheap to clone.
pub struct Engine<H>(Arc<Inner<H>>);

/// What all clones share.
pub(crate) struct Inner<H> {
    pub(crate) host: H,
    pub(crate) journals: Box<dyn JournalDirs>,
    pub(crate) identity: Identity,
    pub(crate) faults: Faults,
    pub(crate) operations: OperationTable,
    locks: LockTable,
    threads: Threads,
    slots: Slots,
    pub(crate) busy: Duration,
    events: Events,
    appending: Arc<Appending>,
    resuming: Mutex<()>,
}

impl<H: Host> Engine<H> {
    /// An engine with nothing to do.
    pub fn new(setup: Setup<H>) -> Self {
        let Limits {
            queue,
            in_flight,
            threads,
            busy,
            ended,
            events,
        } = setup.limits;
        let events = Events::new(events);
        Self(Arc::new(Inner {
            host: setup.host,
            journals: setup.journals,
            identity: setup.identity,
            faults: setup.faults,
            operations: OperationTable::new(events.clone(), in_flight, ended),
            locks: LockTable::new(queue),
            threads: Threads::new(threads),
            slots: Slots::new(busy),
            busy,
            events,
            appending: Arc::default(),
            resuming: Mutex::default(),
        }))
    }

    /// The host that steps are applied to.
    pub fn host(&self) -> &H {
        &self.0.host
    }

    /// Accepts work. Operations that touch the same entities run in the order of their submission;
    /// one that waits for something else besides may be overtaken.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// `Code::Busy` if too much is waiting, or after [`Engine::shutdown`].
    pub fn submit(&self, request: OperationRequest) -> Result<OpId, Failure> {
        let inner = &self.0;
        let control = Control::new(request.deadline);
        let touches: BTreeSet<_> = request.touches.iter().cloned().collect();
        // Neither a kill nor what the daemon does by itself, for the end of a container, may get lost.
        let is_bounded = request.strength != Strength::Urgent && request.pid != 0;
        let entry = inner
            .operations
            .add(control, is_bounded, |id| queued(id, &request))?;
        let takeover = entry.control.child();
        let claimant = Claimant {
            operation: entry.id.clone(),
            command: request.command.clone(),
            strength: request.strength,
            is_bounded,
            cancellation: takeover.cancellation.clone(),
        };
        // It takes its place here and not in the task, so that the order of submissions is the
        // order of locks.
        let locks = inner.locks.acquire(&touches, &claimant);
        let locks = locks.inspect_err(|_| inner.operations.remove(&entry))?;
        entry.announce();
        let id = entry.id.clone();
        let drive = Drive {
            entry,
            request,
            takeover,
            claimant,
            touches,
        };
        tokio::spawn(Arc::clone(inner).drive(drive, locks));
        Ok(id)
    }

    /// Runs `work`, such as the first planning of a command, on a thread of its own that may block.
    ///
    /// # Errors
    /// Those of `work`; `Code::Busy` if the system has no thread left.
    pub async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        threads::run(work).await?
    }

    /// Waits for the end of an operation, at most for `time`; what it is then.
    ///
    /// # Errors
    /// If there is no such operation.
    pub async fn wait(&self, id: &str, time: Duration) -> Result<Operation, Failure> {
        let entry = self.0.operations.find(id)?;
        entry.wait(time).await;
        Ok(self.0.view(&entry))
    }

    /// Asks an operation to stop and take back what it did; an ended one stays as it is. Returns at
    /// once: `cancelling` of the answer says what happens.
    ///
    /// # Errors
    /// If there is no such operation.
    pub fn cancel(&self, id: &str) -> Result<Operation, Failure> {
        let entry = self.0.operations.find(id)?;
        entry.cancel("cancelled");
        Ok(self.0.view(&entry))
    }

    /// Withdraws an operation that has not begun; one that has goes on.
    ///
    /// # Errors
    /// If there is no such operation.
    pub fn withdraw(&self, id: &str, reason: &str) -> Result<Operation, Failure> {
        let entry = self.0.operations.find(id)?;
        entry.withdraw(reason);
        Ok(self.0.view(&entry))
    }

    /// Returns once an operation has begun or ended.
    ///
    /// # Errors
    /// If there is no such operation.
    pub async fn begun(&self, id: &str) -> Result<(), Failure> {
        self.0.operations.find(id)?.begun().await;
        Ok(())
    }

    /// The operation with this id or abbreviation.
    ///
    /// # Errors
    /// If there is none, or several.
    pub fn get(&self, id: &str) -> Result<Operation, Failure> {
        let entry = self.0.operations.find(id)?;
        Ok(self.0.view(&entry))
    }

    /// The operations on their way and those that ended lately, oldest first.
    pub fn list(&self) -> Vec<Operation> {
        let entries = self.0.operations.all();
        entries.iter().map(|entry| self.0.view(entry)).collect()
    }

    /// The locks that operations hold or wait for, by entity.
    pub fn holders(&self) -> Vec<Queue> {
        self.0.locks.list()
    }

    /// The events, to read and to add to.
    pub fn events(&self) -> &Events {
        &self.0.events
    }

    /// The newest records of the history of a place.
    ///
    /// # Blocking
    /// Reads files.
    ///
    /// # Errors
    /// If the place is not open or its directory cannot be read.
    pub fn history(&self, place: &JournalPlace, limit: usize) -> Result<History, Failure> {
        self.0.history(place, limit)
    }

    /// Settles what a crash left at a place; returns the operations found there. To be called
    /// before anything else can touch what the place is about. Operations that still have containers
    /// to start or stop are left for [`Engine::resume`].
    ///
    /// # Errors
    /// If the place is not open or its directory cannot be read.
    pub async fn recover(&self, place: JournalPlace) -> Result<Vec<OpId>, Failure> {
        let inner = Arc::clone(&self.0);
        threads::run(move || inner.recover_place(&place)).await?
    }

    /// Takes up what a crash left at a place, in the background, as operations with locks: they may
    /// wait for guests, and commands can be given meanwhile. Returns them.
    ///
    /// # Errors
    /// If the place is not open or its directory cannot be read.
    pub async fn resume(&self, place: JournalPlace) -> Result<Vec<OpId>, Failure> {
        let inner = Arc::clone(&self.0);
        let looking = move || {
            // Of two calls for one place the second finds the operations of the first alive.
            let _one = inner
                .resuming
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let found = inner.unsettled(&place, Which::All)?;
            Ok((inner.take_up(found.journals)?, found.reported))
        };
        let (resumed, mut ids) = self.on_thread(looking).await?;
        for (operation, locks) in resumed {
            ids.push(operation.id().clone());
            tokio::spawn(Arc::clone(&self.0).resume(operation, locks));
        }
        Ok(ids)
    }

    /// The operation to undo and the plan that does it.
    ///
    /// # Blocking
    /// Reads histories and looks at the host.
    ///
    /// # Errors
    /// `Code::NoUndo` with the reason; not found or ambiguous.
    pub fn undo_plan(&self, target: &UndoTarget) -> Result<(OpId, Plan), Failure> {
        self.0.undo_plan(target)
    }

    /// The work that undoes an operation, for [`Engine::submit`]; the caller adds the
    /// client and its command line.
    ///
    /// # Blocking
    /// As [`Engine::undo_plan`].
    ///
    /// # Errors
    /// As [`Engine::undo_plan`].
    pub fn undo_work(&self, target: &UndoTarget) -> Result<OperationRequest, Failure> {
        self.0.undo_work(target)
    }

    /// Takes no new work, cancels what is queued and waits for what runs, at most for `time`.
    ///
    /// *Shape*: the operations that still run; if the program ends now, the next start settles them.
    pub async fn shutdown(&self, time: Duration) -> Vec<Operation> {
        let operations = &self.0.operations;
        operations.close();
        let deadline = tokio::time::Instant::now() + time;
        for entry in operations.all() {
            if entry.state() == OperationState::Queued {
                entry
                    .control
                    .cancellation
                    .cancel("osctld is stopping: cancelled");
            }
        }
        for entry in operations.all() {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            entry.wait(left).await;
        }
        let mut running = self.list();
        running.retain(|operation| !operation.state.is_final());
        running
    }
}

impl<H: Host> Inner<H> {
    pub(crate) fn folder(&self, place: &JournalPlace) -> Result<Folder, Failure> {
        Folder::find(&*self.journals, place, &self.appending).map_err(Failure::from)
    }

    pub(crate) fn history(&self, place: &JournalPlace, limit: usize) -> Result<History, Failure> {
        let history = self.folder(place)?.history(limit);
        history.map_err(Failure::from)
    }

    fn view(&self, entry: &Entry) -> Operation {
        let mut operation = entry.view();
        if operation.state == OperationState::Queued && operation.waits_for.is_none() {
            operation.waits_for = self.locks.waits_for(&entry.id);
        }
        operation
    }
}

fn queued(id: OpId, request: &OperationRequest) -> Operation {
    Operation {
        id,
        command: request.command.clone(),
        cli: request.cli.clone(),
        state: OperationState::Queued,
        uid: request.uid,
        pid: request.pid,
        touches: request.touches.clone(),
        created: Timestamp::now(),
        started: None,
        ended: None,
        steps: Vec::new(),
        waits_for: None,
        cancelling: None,
        warnings: Vec::new(),
        failure: None,
        undoes: request.undoes.clone(),
        recovered: false,
    }
}

impl<H> Clone for Engine<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> fmt::Debug for Engine<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("identity", &self.0.identity)
            .field("locks", &self.0.locks)
            .finish_non_exhaustive()
    }
}

impl<H: fmt::Debug> fmt::Debug for Setup<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("host", &self.host)
            .field("identity", &self.identity)
            .field("faults", &self.faults)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
