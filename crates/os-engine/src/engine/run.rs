//! The life of one operation: locks, plan, steps, end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use os_api::OperationState;
use os_types::plan::JournalPlace;
use os_types::{Code, EntityRef, Failure, OpId, Plan};

use super::Inner;
use crate::control::Control;
use crate::executor::{Executor, Start};
use crate::fault::{Moment, Point, Side};
use crate::host::{Host, Reservation};
use crate::journal::{Begin, Ending, Header, Journal, SCHEMA};
use crate::locks::{Claimant, LockSet, StepLocks};
use crate::operation_table::{Entry, resumed};
use crate::request::{OperationRequest, Planned, Strength};
use crate::slots::{Slot, UsedSlot};
use crate::threads::{self, Permit, Threads};

/// How often a plan may turn out to touch more than the operation has locked. Each time costs a
/// wait; more than two take a world that changes in between.
const MAX_REPLANS: usize = 8;

/// The deadline of an operation that goes on after a crash. Its own one is over, perhaps only because
/// the daemon was dead.
const RESUME_TIME: Duration = Duration::from_hours(1);

/// An operation on its way.
#[derive(Debug)]
pub(super) struct Drive {
    pub(super) entry: Arc<Entry>,
    pub(super) request: OperationRequest,
    /// As the control of `entry`; an urgent operation cancels this one alone.
    pub(super) takeover: Control,
    pub(super) claimant: Claimant,
    /// What it is known to touch.
    pub(super) touches: BTreeSet<EntityRef>,
}

/// An operation that can begin.
struct Ready {
    planned: Planned,
    locks: LockSet,
    slot: Option<UsedSlot>,
    permit: Permit,
}

impl<H: Host> Inner<H> {
    /// Brings an operation from the queue to its end; `locks` are those of what it touches, held or
    /// waited for.
    pub(super) async fn drive(self: Arc<Self>, mut drive: Drive, locks: LockSet) {
        let (kept, ending) = match self.prepare(&mut drive, locks).await {
            Err(failure) => (None, not_begun(failure)),
            Ok(ready) => {
                let (kept, ending) = self.execute(&drive, ready).await;
                (Some(kept), ending)
            }
        };
        // The end is announced before the next operation gets the locks: events are in order.
        self.operations.end(&drive.entry, &ending);
        drop(kept);
    }

    /// Waits for the locks of all that the plan touches, and makes the plan.
    async fn prepare(&self, drive: &mut Drive, mut locks: LockSet) -> Result<Ready, Failure> {
        let mut slot = None;
        for _ in 0..MAX_REPLANS {
            locks = locks.all(&drive.takeover).await?;
            if slot.is_none() {
                slot = self.slot(drive).await?;
            }
            let permit = self.permit(drive).await?;
            let planner = Arc::clone(&drive.request.planner);
            let planning = threads::run(move || planner());
            let what = || "its plan was made".to_owned();
            let planned = drive.takeover.bound(planning, what).await???;
            let wanted: BTreeSet<_> = planned.plan.touches.iter().cloned().collect();
            if wanted.is_subset(&drive.touches) {
                return Ok(Ready {
                    planned,
                    locks,
                    slot,
                    permit,
                });
            }
            // Locks are taken in order only, so all are released for a new start.
            drop(locks);
            end(planned.reservation).await;
            drive.touches.extend(wanted);
            locks = self.locks.acquire(&drive.touches, &drive.claimant)?;
        }
        let text = "what the command touches kept changing while it waited for its turn";
        Err(Failure::new(Code::Busy, text))
    }

    /// Waits until not too many of its kind run.
    async fn slot(&self, drive: &Drive) -> Result<Option<UsedSlot>, Failure> {
        let Some(wanted) = &drive.request.slot else {
            return Ok(None);
        };
        if let Some(slot) = self.slots.try_take(wanted) {
            return Ok(Some(slot));
        }
        let Slot { name, width } = wanted;
        let what = format!("one of {width} {name}");
        drive.entry.wait_for(Some(&what));
        let waiting = self.slots.take(wanted);
        let slot = drive.takeover.bound(waiting, || what.clone()).await;
        drive.entry.wait_for(None);
        slot.map(Some)
    }

    /// Waits for the right to use a thread.
    async fn permit(&self, drive: &Drive) -> Result<Permit, Failure> {
        if drive.request.strength == Strength::Urgent {
            return Ok(Threads::urgent());
        }
        if let Some(permit) = self.threads.try_permit() {
            return Ok(permit);
        }
        let what = "a thread: too many operations run";
        drive.entry.wait_for(Some(what));
        let waiting = self.threads.permit();
        let permit = drive.takeover.bound(waiting, || what.to_owned()).await;
        drive.entry.wait_for(None);
        permit
    }

    /// Runs the steps on a thread of their own and watches the deadline.
    ///
    /// *Shape*: what to keep until the end is announced, and the end.
    async fn execute(self: &Arc<Self>, drive: &Drive, ready: Ready) -> (LockSet, Ending) {
        let Ready {
            planned: Planned { plan, reservation },
            locks,
            slot,
            permit,
        } = ready;
        let entry = &drive.entry;
        entry.start(&plan);
        if plan.steps.is_empty() {
            // Nothing changes, so nothing is written down.
            end(reservation).await;
            return (locks, ended(OperationState::Finished, None));
        }
        let mut running = {
            let (inner, entry) = (Arc::clone(self), Arc::clone(entry));
            let request = drive.request.clone();
            let step_locks = StepLocks::new(&self.locks, &drive.claimant, &plan);
            let takeover = drive.takeover.clone();
            let running = threads::run(move || {
                let ending = inner.run((&entry, &takeover), &request, plan, &step_locks);
                // It writes a file.
                drop(reservation);
                ending
            });
            Box::pin(running)
        };
        let in_time = tokio::time::timeout_at(entry.control.deadline(), &mut running).await;
        let ending = if let Ok(ending) = in_time {
            ending
        } else {
            // A thread in a system call cannot be stopped. The operation keeps its locks, so that
            // no other one works on what it may still change.
            entry.overdue();
            running.await
        };
        drop((permit, slot));
        let failed = |failure| ended(OperationState::Failed, Some(failure));
        (locks, ending.unwrap_or_else(failed))
    }

    /// On a thread that may block.
    fn run(
        &self,
        (entry, takeover): (&Entry, &Control),
        request: &OperationRequest,
        plan: Plan,
        locks: &StepLocks,
    ) -> Ending {
        match self.begin((entry, takeover), request, plan) {
            Err(failure) => not_begun(failure),
            Ok(journal) => {
                let executor = Executor {
                    host: &self.host,
                    faults: &self.faults,
                    recovery: self,
                    progress: entry,
                    control: &entry.control,
                    takeover,
                    locks: Some(locks),
                    busy: self.busy,
                    start: Start::Fresh,
                };
                executor.run(journal)
            }
        }
    }

    fn begin(
        &self,
        (entry, takeover): (&Entry, &Control),
        request: &OperationRequest,
        plan: Plan,
    ) -> Result<Journal, Failure> {
        takeover.stop(|| "its first step".to_owned())?;
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
            yields: request.strength.yields(),
        };
        let folder = self.folder(&plan.journal)?;
        let begin = Begin {
            schema: SCHEMA,
            header,
            plan,
        };
        Journal::begin(folder, begin).map_err(Failure::from)
    }
}

/// Ends a reservation, which writes a file.
async fn end(reservation: Reservation) {
    if reservation.is_some() {
        // Without a thread it has ended all the same.
        let _ended = threads::run(move || drop(reservation)).await;
    }
}

/// An operation of an earlier daemon that goes on with locks.
#[derive(Debug)]
pub(super) struct Resumed {
    entry: Arc<Entry>,
    takeover: Control,
    claimant: Claimant,
    touches: BTreeSet<EntityRef>,
    journal: Journal,
}

impl Resumed {
    pub(super) fn id(&self) -> &OpId {
        &self.entry.id
    }
}

impl<H: Host> Inner<H> {
    /// Lists the journals at a place as operations in progress and takes their places in the queues.
    pub(super) fn take_up(
        &self,
        journals: Vec<Journal>,
    ) -> Result<Vec<(Resumed, LockSet)>, Failure> {
        let take_up = |journal: Journal| {
            let begin = journal.begun();
            let control = Control::new(RESUME_TIME);
            let entry = self.operations.readd(control, resumed(begin));
            let touches: BTreeSet<_> = begin.plan.touches.iter().cloned().collect();
            let takeover = entry.control.child();
            let yields = begin.header.yields || begin.plan.journal == JournalPlace::Run;
            let claimant = Claimant {
                operation: entry.id.clone(),
                command: begin.header.command.clone(),
                strength: if yields {
                    Strength::Yielding
                } else {
                    Strength::Normal
                },
                is_bounded: false,
                cancellation: takeover.cancellation.clone(),
            };
            let locks = self.locks.acquire(&touches, &claimant)?;
            let resumed = Resumed {
                entry,
                takeover,
                claimant,
                touches,
                journal,
            };
            Ok((resumed, locks))
        };
        journals.into_iter().map(take_up).collect()
    }

    /// Brings such an operation to its end.
    pub(super) async fn resume(self: Arc<Self>, resumed: Resumed, locks: LockSet) {
        let Resumed {
            entry,
            takeover,
            claimant,
            touches,
            journal,
        } = resumed;
        let locks = match locks.all(&takeover).await {
            Ok(locks) => Ok(locks),
            // Cancelled: it is being rolled back then, which needs the locks all the same.
            Err(_) => match self.locks.acquire(&touches, &claimant) {
                Ok(locks) => locks.all(&Control::unstoppable()).await,
                Err(failure) => Err(failure),
            },
        };
        let (kept, ending) = match locks {
            // Its journal stays for the next start.
            Err(failure) => (None, ended(OperationState::Failed, Some(failure))),
            Ok(locks) => {
                // Beyond the bound: it has begun, and had a thread in the daemon before.
                let permit = Threads::urgent();
                let step_locks = StepLocks::new(&self.locks, &claimant, &journal.begun().plan);
                let (inner, own) = (Arc::clone(&self), Arc::clone(&entry));
                let running = threads::run(move || {
                    inner.run_resumed((&own, &takeover), journal, Some(&step_locks))
                });
                let ending = running.await;
                drop(permit);
                let failed = |failure| ended(OperationState::Failed, Some(failure));
                (Some(locks), ending.unwrap_or_else(failed))
            }
        };
        self.operations.end(&entry, &ending);
        drop(kept);
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
