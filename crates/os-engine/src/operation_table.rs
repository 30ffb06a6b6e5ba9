//! The operations that are on their way, and those that ended lately.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use os_api::{EventBody, Operation, OperationState, StepState, StepStatus};
use os_types::{Code, Failure, OpId, Plan};
use tokio::sync::watch;

use crate::control::Control;
use crate::events::Events;
use crate::executor::ProgressSink;
use crate::journal::{Begin, Ending};

/// The table of operations.
#[derive(Debug)]
pub(crate) struct OperationTable {
    table: Mutex<Table>,
    events: Events,
    /// How many may be on their way.
    in_flight: usize,
    /// How many ended ones are remembered.
    remembered: usize,
}

#[derive(Debug, Default)]
struct Table {
    /// By id, which is by time.
    entries: BTreeMap<OpId, Arc<Entry>>,
    /// Those of `entries` that have ended, in the order of their ends.
    ended: VecDeque<OpId>,
    is_closed: bool,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: OpId,
    pub(crate) control: Control,
    view: watch::Sender<Operation>,
    events: Events,
}

impl OperationTable {
    pub(crate) fn new(events: Events, in_flight: usize, remembered: usize) -> Self {
        Self {
            table: Mutex::default(),
            events,
            in_flight,
            remembered,
        }
    }

    /// Adds a new operation, made by `operation` from its id. Sends no event yet.
    pub(crate) fn add(
        &self,
        control: Control,
        is_bounded: bool,
        operation: impl FnOnce(OpId) -> Operation,
    ) -> Result<Arc<Entry>, Failure> {
        let mut table = self.lock();
        if table.is_closed {
            let text = "osctld is stopping and takes no new work";
            return Err(Failure::new(Code::Busy, text));
        }
        let live = table.entries.len() - table.ended.len();
        if is_bounded && live >= self.in_flight {
            let text = format!("{live} operations are on their way already");
            return Err(Failure::new(Code::Busy, text).next("osctl operation ls"));
        }
        let id = loop {
            let id = OpId::new(Timestamp::now(), random());
            if !table.entries.contains_key(&id) {
                break id;
            }
        };
        let entry = self.entry(control, operation(id));
        table.entries.insert(entry.id.clone(), Arc::clone(&entry));
        drop(table);
        Ok(entry)
    }

    /// Adds an operation of an earlier daemon, whatever the bounds: there are never many.
    pub(crate) fn readd(&self, control: Control, operation: Operation) -> Arc<Entry> {
        let entry = self.entry(control, operation);
        let mut table = self.lock();
        table.ended.retain(|id| *id != entry.id);
        table.entries.insert(entry.id.clone(), Arc::clone(&entry));
        drop(table);
        entry.announce();
        entry
    }

    fn entry(&self, control: Control, operation: Operation) -> Arc<Entry> {
        Arc::new(Entry {
            id: operation.id.clone(),
            control,
            view: watch::Sender::new(operation),
            events: self.events.clone(),
        })
    }

    /// Removes an operation for which no event was sent.
    pub(crate) fn remove(&self, entry: &Entry) {
        self.lock().entries.remove(&entry.id);
    }

    /// Notes the end of an operation; forgets the one that ended longest ago if there are many.
    pub(crate) fn end(&self, entry: &Entry, ending: &Ending) {
        {
            let mut table = self.lock();
            table.ended.push_back(entry.id.clone());
            if table.ended.len() > self.remembered
                && let Some(oldest) = table.ended.pop_front()
            {
                table.entries.remove(&oldest);
            }
        }
        entry.end(ending);
    }

    /// Whether an operation is on its way in this daemon.
    pub(crate) fn is_live(&self, id: &OpId) -> bool {
        let table = self.lock();
        let entry = table.entries.get(id);
        entry.is_some_and(|entry| !entry.state().is_final())
    }

    /// No new work from now on.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
    }

    /// All operations, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.lock().entries.values().cloned().collect()
    }

    /// The operation with this id or abbreviation.
    pub(crate) fn find(&self, text: &str) -> Result<Arc<Entry>, Failure> {
        let table = self.lock();
        if let Some(entry) = text
            .parse()
            .ok()
            .and_then(|id: OpId| table.entries.get(&id))
        {
            return Ok(Arc::clone(entry));
        }
        let mut fits = table.entries.iter().filter(|(id, _)| id.matches(text));
        match (fits.next(), fits.next()) {
            (Some((_, entry)), None) => Ok(Arc::clone(entry)),
            (None, _) => Err(not_found(text)),
            (Some((one, _)), Some((other, _))) => Err(ambiguous(text, one, other)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // No code between lock and unlock can panic half-way through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn not_found(text: &str) -> Failure {
    Failure::new(Code::NotFound, format!("there is no operation {text}")).next("osctl operation ls")
}

pub(crate) fn ambiguous(text: &str, one: &OpId, other: &OpId) -> Failure {
    let text = format!("{text} could be operation {one} or {other}");
    Failure::new(Code::Ambiguous, text)
}

/// Four hex digits that keep ids of one millisecond apart; nothing secret depends on them.
fn random() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let hash = RandomState::new().hash_one(());
    u16::try_from(hash & 0xffff).unwrap_or_default()
}

impl Entry {
    /// What it is now.
    pub(crate) fn view(&self) -> Operation {
        self.view.borrow().clone()
    }

    pub(crate) fn state(&self) -> OperationState {
        self.view.borrow().state
    }

    /// Waits for its end, at most for `time`; returns what it is then.
    pub(crate) async fn wait(&self, time: Duration) -> Operation {
        let mut view = self.view.subscribe();
        let ended = view.wait_for(|operation| operation.state.is_final());
        // Whether it ended in time can be seen in the state.
        drop(tokio::time::timeout(time, ended).await);
        self.view()
    }

    /// Returns once it has begun or ended.
    pub(crate) async fn begun(&self) {
        let mut view = self.view.subscribe();
        // The sender lives as long as `self`.
        drop(
            view.wait_for(|operation| operation.state != OperationState::Queued)
                .await,
        );
    }

    /// Asks it to stop.
    pub(crate) fn cancel(&self, reason: &str) {
        self.view.send_modify(|operation| {
            if !operation.state.is_final() {
                operation.cancelling = Some(cancelling(operation));
                self.control.cancellation.cancel(reason);
            }
        });
    }

    /// Asks it to stop if it has not begun. Under the lock of the view, which [`Entry::start`] takes
    /// too: one that begins in the same moment sees the cancellation before its first step.
    pub(crate) fn withdraw(&self, reason: &str) {
        self.view.send_if_modified(|operation| {
            let is_queued = operation.state == OperationState::Queued;
            if is_queued {
                operation.cancelling = Some(cancelling(operation));
                self.control.cancellation.cancel(reason);
            }
            is_queued
        });
    }

    /// Its turn has come and its steps are known.
    pub(crate) fn start(&self, plan: &Plan) {
        self.view.send_modify(|operation| {
            operation.state = OperationState::Running;
            operation.waits_for = None;
            operation.touches.clone_from(&plan.touches);
            operation.steps = pending(plan);
            operation.started = Some(Timestamp::now());
        });
        self.announce();
    }

    /// What it waits for besides locks.
    pub(crate) fn wait_for(&self, what: Option<&str>) {
        self.view
            .send_modify(|operation| operation.waits_for = what.map(str::to_owned));
    }

    /// It does not come back although its deadline has passed.
    pub(crate) fn overdue(&self) {
        let text = {
            let operation = self.view.borrow();
            let mut steps = (1..).zip(&operation.steps);
            let running = steps.find(|(_, step)| step.state == StepState::Running);
            let step = running.map(|(number, step)| format!("step {number}, {}", step.text));
            step.unwrap_or_else(|| "its steps back".to_owned())
        };
        tracing::warn!(operation = %self.id, waits_for = text, "operation is over its deadline");
        let text = format!("{text}; it is over its deadline");
        self.view
            .send_modify(|operation| operation.waits_for = Some(text));
    }

    fn end(&self, ending: &Ending) {
        self.view.send_modify(|operation| {
            operation.state = ending.state;
            operation.ended = Some(ending.ended);
            operation.failure.clone_from(&ending.failure);
            operation.recovered = ending.recovered;
            operation.cancelling = None;
            operation.waits_for = None;
        });
        self.announce();
    }

    /// Tells the log and the events of its state.
    pub(crate) fn announce(&self) {
        let operation = self.view();
        tracing::info!(
            operation = %operation.id,
            command = operation.command,
            state = ?operation.state,
            failure = operation.failure.as_ref().map(tracing::field::display),
            "operation"
        );
        self.events.emit(EventBody::Operation {
            id: operation.id,
            command: operation.command,
            cli: operation.cli,
            state: operation.state,
            failure: operation.failure,
        });
    }
}

impl Entry {
    fn emit_progress(&self, begins: bool, text: String) {
        let is_done =
            |step: &&StepStatus| matches!(step.state, StepState::Done | StepState::Unchanged);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (done, total) = {
            let operation = self.view.borrow();
            let steps = &operation.steps;
            (steps.iter().filter(is_done).count(), steps.len())
        };
        self.events.emit(EventBody::Progress {
            id: self.id.clone(),
            done: count(done),
            total: count(total),
            begins,
            text,
        });
    }
}

impl ProgressSink for Entry {
    fn step(&self, number: usize, state: StepState) {
        let mut begun = None;
        self.view.send_modify(|operation| {
            let step = number
                .checked_sub(1)
                .and_then(|at| operation.steps.get_mut(at));
            let Some(step) = step else { return };
            step.state = state;
            if state == StepState::Running {
                begun = Some(step.text.clone());
            }
        });
        if let Some(text) = begun {
            self.emit_progress(true, text);
        }
    }

    fn progress(&self, text: &str) {
        self.emit_progress(false, text.to_owned());
    }

    fn warning(&self, text: &str) {
        self.view
            .send_modify(|operation| operation.warnings.push(text.to_owned()));
    }

    fn reverting(&self) {
        self.view
            .send_modify(|operation| operation.state = OperationState::Reverting);
        self.announce();
    }
}

/// What happens to an operation that is cancelled now.
fn cancelling(operation: &Operation) -> String {
    if operation.state == OperationState::Reverting {
        return "what it did is being taken back already".to_owned();
    }
    let total = operation.steps.len();
    let running = (1..).zip(&operation.steps);
    let mut running = running.filter(|(_, step)| step.state == StepState::Running);
    let Some((number, step)) = running.next() else {
        return "it had not begun and is withdrawn".to_owned();
    };
    let others = match running.count() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let text = &step.text;
    format!(
        "step {number} of {total}, {text},{others} is interrupted; then what was done before is \
         taken back"
    )
}

fn pending(plan: &Plan) -> Vec<StepStatus> {
    let status = |step: &os_types::Step| StepStatus {
        text: step.to_string(),
        state: StepState::Pending,
    };
    plan.steps.iter().map(status).collect()
}

/// An operation of an earlier daemon as it is shown while it is being settled.
pub(crate) fn resumed(begin: &Begin) -> Operation {
    let Begin { header, plan, .. } = begin;
    Operation {
        id: header.id.clone(),
        command: header.command.clone(),
        cli: header.cli.clone(),
        state: OperationState::Running,
        uid: header.uid,
        pid: header.pid,
        touches: plan.touches.clone(),
        created: header.created,
        started: Some(header.started),
        ended: None,
        steps: pending(plan),
        waits_for: None,
        cancelling: None,
        warnings: Vec::new(),
        failure: None,
        undoes: header.undoes.clone(),
        recovered: true,
    }
}
