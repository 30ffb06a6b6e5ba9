//! The life of one operation: locks, plan, steps, end.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use os_api::OperationState;
use os_types::{Code, EntityRef, Failure, Plan};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::Inner;
use crate::executor::{Executor, Start};
use crate::fault::{Moment, Point, Side};
use crate::host::Host;
use crate::journal::{Begin, Ending, Header, Journal, SCHEMA};
use crate::locks::LockSet;
use crate::operation_table::Entry;
use crate::request::OperationRequest;

/// How often a plan may turn out to touch more than the operation has locks with. Each time costs a
/// wait; more than two take a world that changes in between.
const MAX_REPLANS: usize = 8;

impl<H: Host> Inner<H> {
    /// Brings an operation from the queue to its end; `locks` are those with what it is
    /// known to touch, had or waited for.
    pub(super) async fn drive(
        self: Arc<Self>,
        entry: Arc<Entry>,
        request: OperationRequest,
        touches: BTreeSet<EntityRef>,
        held: LockSet,
    ) {
        let ready = self.prepare(&entry, &request, touches, held).await;
        let (held, ending) = match ready {
            Err(failure) => (None, not_begun(failure)),
            Ok((held, plan)) => (Some(held), self.execute(&entry, &request, plan).await),
        };
        // The end is told before the next operation's turn comes: events are in order.
        self.operations.end(&entry, &ending);
        drop(held);
    }

    /// Waits for the turn with all that the plan touches, and makes the plan.
    async fn prepare(
        &self,
        entry: &Entry,
        request: &OperationRequest,
        mut touches: BTreeSet<EntityRef>,
        mut held: LockSet,
    ) -> Result<(LockSet, Plan), Failure> {
        for _ in 0..MAX_REPLANS {
            held = held.all(&entry.control).await?;
            let planner = Arc::clone(&request.planner);
            let compiling = spawn_blocking(move || planner());
            let what = || "its plan was made".to_owned();
            let compiled = entry.control.bound(compiling, what).await?;
            let plan = compiled.unwrap_or_else(|error| Err(broken(error)))?;
            let wanted: BTreeSet<_> = plan.touches.iter().cloned().collect();
            if wanted.is_subset(&touches) {
                return Ok((held, plan));
            }
            // LockSet are taken in order only, so all are given back for a new start.
            drop(held);
            touches.extend(wanted);
            held = self.locks.acquire(&touches, &entry.id)?;
        }
        let text = "what the command touches kept changing while it waited for its turn";
        Err(Failure::new(Code::Busy, text))
    }

    /// Runs the steps on a thread of their own and watches the deadline.
    async fn execute(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        request: &OperationRequest,
        plan: Plan,
    ) -> Ending {
        entry.start(&plan);
        if plan.steps.is_empty() {
            // Nothing changes, so nothing is written down.
            return ended(OperationState::Finished, None);
        }
        let mut running: JoinHandle<Ending> = {
            let (inner, entry, request) = (Arc::clone(self), Arc::clone(entry), request.clone());
            spawn_blocking(move || inner.run(&entry, &request, plan))
        };
        let in_time = tokio::time::timeout_at(entry.control.deadline(), &mut running).await;
        let ending = if let Ok(ending) = in_time {
            ending
        } else {
            // A thread in a system call cannot be stopped. The operation keeps its locks, so that
            // nobody works on what it may still change.
            entry.overdue();
            running.await
        };
        ending.unwrap_or_else(|error| ended(OperationState::Failed, Some(broken(error))))
    }

    /// On a thread that may block.
    fn run(&self, entry: &Entry, request: &OperationRequest, plan: Plan) -> Ending {
        match self.begin(entry, request, plan) {
            Err(failure) => not_begun(failure),
            Ok(journal) => {
                let executor = Executor {
                    host: &self.host,
                    faults: &self.faults,
                    recovery: self,
                    progress: entry,
                    control: &entry.control,
                    start: Start::Fresh,
                };
                executor.run(journal)
            }
        }
    }

    fn begin(
        &self,
        entry: &Entry,
        request: &OperationRequest,
        plan: Plan,
    ) -> Result<Journal, Failure> {
        entry.control.stop(|| "its first step".to_owned())?;
        let point = Point {
            moment: Moment::Begin,
            side: Side::Before,
        };
        self.faults.pass(&request.command, point, None)?;
        let header = Header {
            id: entry.id.clone(),
            command: request.command.clone(),
            cli: request.cli.clone(),
            uid: request.uid,
            pid: request.pid,
            undoes: request.undoes.clone(),
            created: entry.view().created,
            started: Timestamp::now(),
            boot: self.identity.boot.clone(),
            host: self.identity.host.clone(),
        };
        let folder = self.folder(&plan.journal)?;
        let begin = Begin {
            schema: SCHEMA,
            header,
            plan,
        };
        Journal::begin(folder, begin).map_err(|error| Failure::from(&error))
    }
}

/// The end of an operation that changed nothing.
fn not_begun(failure: Failure) -> Ending {
    let state = match failure.code {
        Code::Cancelled => OperationState::Cancelled,
        _ => OperationState::Failed,
    };
    ended(state, Some(failure))
}

fn ended(state: OperationState, failure: Option<Failure>) -> Ending {
    Ending {
        ended: Timestamp::now(),
        state,
        failure,
        recovered: false,
        left: Vec::new(),
    }
}

/// A mistake of ours on a thread of the engine. The journal, if there is one, is settled by recovery
/// at the next start.
pub(super) fn broken(error: JoinError) -> Failure {
    let text = match error.try_into_panic() {
        Ok(panic) => crate::executor::panic_text(&*panic),
        Err(error) => error.to_string(),
    };
    Failure::new(Code::Internal, format!("a panic in the program: {text}"))
}
