//! The life of one operation: turns, plan, steps, end.

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
use crate::owners::Turns;
use crate::registry::Entry;
use crate::work::Work;

/// How often a plan may turn out to touch more than the operation has turns with. Each time costs a
/// wait; more than two take a world that changes in between.
const COMPILATIONS: usize = 8;

impl<H: Host> Inner<H> {
    /// Brings an operation from the queue to its end; `turns` are those with what it is
    /// known to touch, had or waited for.
    pub(super) async fn drive(
        self: Arc<Self>,
        entry: Arc<Entry>,
        work: Work,
        touches: BTreeSet<EntityRef>,
        turns: Turns,
    ) {
        let ready = self.prepare(&entry, &work, touches, turns).await;
        let (turns, ending) = match ready {
            Err(failure) => (None, not_begun(failure)),
            Ok((turns, plan)) => (Some(turns), self.execute(&entry, &work, plan).await),
        };
        // The end is told before the next operation's turn comes: events are in order.
        self.registry.end(&entry, &ending);
        drop(turns);
    }

    /// Waits for the turn with all that the plan touches, and makes the plan.
    async fn prepare(
        &self,
        entry: &Entry,
        work: &Work,
        mut touches: BTreeSet<EntityRef>,
        mut turns: Turns,
    ) -> Result<(Turns, Plan), Failure> {
        for _ in 0..COMPILATIONS {
            turns = turns.all(&entry.control).await?;
            let compile = Arc::clone(&work.compile);
            let compiling = spawn_blocking(move || compile());
            let what = || "its plan was made".to_owned();
            let compiled = entry.control.bound(compiling, what).await?;
            let plan = compiled.unwrap_or_else(|error| Err(broken(error)))?;
            let wanted: BTreeSet<_> = plan.touches.iter().cloned().collect();
            if wanted.is_subset(&touches) {
                return Ok((turns, plan));
            }
            // Turns are taken in order only, so all are given back for a new start.
            drop(turns);
            touches.extend(wanted);
            turns = self.owners.line_up(&touches, &entry.id)?;
        }
        let text = "what the command touches kept changing while it waited for its turn";
        Err(Failure::new(Code::Busy, text))
    }

    /// Runs the steps on a thread of their own and watches the deadline.
    async fn execute(self: &Arc<Self>, entry: &Arc<Entry>, work: &Work, plan: Plan) -> Ending {
        entry.start(&plan);
        if plan.steps.is_empty() {
            // Nothing changes, so nothing is written down.
            return ended(OperationState::Finished, None);
        }
        let mut running: JoinHandle<Ending> = {
            let (inner, entry, work) = (Arc::clone(self), Arc::clone(entry), work.clone());
            spawn_blocking(move || inner.run(&entry, &work, plan))
        };
        let in_time = tokio::time::timeout_at(entry.control.deadline(), &mut running).await;
        let ending = if let Ok(ending) = in_time {
            ending
        } else {
            // A thread in a system call cannot be stopped. The operation keeps its turns, so that
            // nobody works on what it may still change.
            entry.overdue();
            running.await
        };
        ending.unwrap_or_else(|error| ended(OperationState::Failed, Some(broken(error))))
    }

    /// On a thread that may block.
    fn run(&self, entry: &Entry, work: &Work, plan: Plan) -> Ending {
        match self.begin(entry, work, plan) {
            Err(failure) => not_begun(failure),
            Ok(journal) => {
                let executor = Executor {
                    host: &self.host,
                    faults: &self.faults,
                    recovery: self,
                    watch: entry,
                    control: &entry.control,
                    start: Start::Fresh,
                };
                executor.run(journal)
            }
        }
    }

    fn begin(&self, entry: &Entry, work: &Work, plan: Plan) -> Result<Journal, Failure> {
        entry.control.stop(|| "its first step".to_owned())?;
        let point = Point {
            moment: Moment::Begin,
            side: Side::Before,
        };
        self.faults.pass(&work.command, point, None)?;
        let header = Header {
            id: entry.id.clone(),
            command: work.command.clone(),
            cli: work.cli.clone(),
            uid: work.uid,
            pid: work.pid,
            undoes: work.undoes.clone(),
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
