//! Waiting for the end of an operation, with progress and Ctrl-C.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use os_api::endpoint::{
    CancelQuery, CommandQuery, OperationCancel, OperationGet, OperationPart, WaitQuery,
};
use os_api::{Command, Operation, OperationState};
use os_types::{Failure, OpId};
use tokio::time::{Instant, timeout};

use super::progress::Progress;
use super::rungs::Rungs;
use super::{Wait, lost, not_ended};
use crate::client::Client;
use crate::context::Ctx;
use crate::fault::{Fault, INTERRUPTED};

/// Most commands end within this time: they show no progress at all.
const QUICK_MS: u32 = 300;

/// How long the daemon holds an answer back while nothing ends, i.e. how often progress moves.
const STEP_MS: u32 = 250;

/// Timeout for the last progress events after an operation has ended.
const LAST_RUNGS: Duration = Duration::from_millis(200);

/// How the waiting ended.
enum Waited {
    Ended(Box<Operation>),
    Interrupted(OpId),
    TooLong(Box<Operation>),
}

/// Sends a command and waits for the end of its operation.
pub(super) fn start_and_follow(
    ctx: &mut Ctx,
    command: &Command,
    how_long: Wait,
) -> Result<Operation, Fault> {
    let mut progress = Progress::new(&ctx.printer);
    let rungs = Rungs::before(ctx, command);
    let (client, printer) = (&mut ctx.client, &mut ctx.printer);
    let waited = client.run(async |client| {
        let mut ctrl_c = pin!(tokio::signal::ctrl_c());
        // What is not waited for must not be withdrawn with its connection either.
        let query = CommandQuery {
            wait_ms: (!how_long.is_none()).then_some(QUICK_MS),
        };
        let deadline = how_long.deadline();
        let mut is_interrupted = false;
        let operation: Operation = {
            // An interrupted request would leave an operation of which we do not know the id, so
            // its answer, which is near, is awaited in any case.
            let mut post = pin!(client.post(command, &query));
            let posted = tokio::select! {
                posted = &mut post => posted,
                _ = &mut ctrl_c => { is_interrupted = true; post.await }
            };
            posted?.read()?
        };
        if operation.state.is_final() || how_long.is_none() {
            return Ok(Waited::Ended(Box::new(operation)));
        }
        if is_interrupted {
            return Ok(Waited::Interrupted(operation.id));
        }
        let id = operation.id.clone();
        let shown = RefCell::new((&mut progress, printer));
        let on_progress = |now: &Operation| {
            let (progress, printer) = &mut *shown.borrow_mut();
            progress.show(now, printer);
        };
        let on_rung = |text: &str| {
            let (progress, printer) = &mut *shown.borrow_mut();
            progress.tell(text, printer);
        };
        let mut rungs = pin!(rungs.follow(&id, on_rung));
        // Progress that was already printed comes before the current position.
        let mut all_told = timeout(LAST_RUNGS / 10, &mut rungs).await.is_ok();
        let mut waiting = pin!(wait(client, operation, deadline, on_progress));
        let waited = loop {
            tokio::select! {
                () = &mut rungs, if !all_told => all_told = true,
                waited = &mut waiting => break waited,
                _ = &mut ctrl_c => return Ok(Waited::Interrupted(id.clone())),
            }
        };
        if !all_told {
            // Progress was sent before the end, but over another connection.
            drop(timeout(LAST_RUNGS, rungs).await);
        }
        waited
    })?;
    progress.finish();
    tell(ctx, waited?)
}

/// Waits for the end of an operation in progress, at most `within`.
pub(crate) fn follow(
    ctx: &mut Ctx,
    operation: Operation,
    within: Option<Duration>,
) -> Result<Operation, Fault> {
    let id = operation.id.clone();
    let deadline = within.map(|within| Instant::now() + within);
    let mut progress = Progress::new(&ctx.printer);
    let (client, printer) = (&mut ctx.client, &mut ctx.printer);
    let waited = client.run(async |client| {
        tokio::select! {
            waited = wait(client, operation, deadline, |now| progress.show(now, printer)) => waited,
            _ = tokio::signal::ctrl_c() => Ok(Waited::Interrupted(id)),
        }
    })?;
    progress.finish();
    tell(ctx, waited?)
}

async fn wait(
    client: &mut Client,
    mut operation: Operation,
    deadline: Option<Instant>,
    mut on_progress: impl FnMut(&Operation),
) -> Result<Waited, Failure> {
    let path = OperationPart {
        id: operation.id.to_string(),
    };
    while !operation.state.is_final() {
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Ok(Waited::TooLong(Box::new(operation)));
        }
        on_progress(&operation);
        let query = WaitQuery {
            wait_ms: Some(STEP_MS),
        };
        let extra = Duration::from_millis(STEP_MS.into());
        let asked = client.ask_async::<OperationGet>(&path, &query, extra).await;
        operation = match asked {
            Ok(now) => now,
            // The operation outlives this connection, and if it has begun, also its daemon.
            Err(failure) => lost::find(client, &operation, failure).await?,
        };
    }
    Ok(Waited::Ended(Box::new(operation)))
}

fn tell(ctx: &mut Ctx, waited: Waited) -> Result<Operation, Fault> {
    match waited {
        Waited::Ended(operation) => Ok(*operation),
        Waited::Interrupted(id) => {
            if withdraw(ctx, &id) {
                ctx.printer.say(format_args!(
                    "operation {id} had not begun and is withdrawn"
                ));
                return Err(Fault::Status(INTERRUPTED));
            }
            ctx.printer.say(format_args!("operation {id} goes on"));
            ctx.printer
                .say(format_args!("hint: osctl operation cancel {id}"));
            Err(Fault::Status(INTERRUPTED))
        }
        Waited::TooLong(operation) => Err(not_ended(&operation).into()),
    }
}

/// Withdraws an operation that still waits in a queue; whether it did.
fn withdraw(ctx: &mut Ctx, id: &OpId) -> bool {
    let part = OperationPart { id: id.to_string() };
    let query = CancelQuery { if_queued: true };
    // If the daemon does not answer, the operation goes on, and the message says so.
    let now = ctx.client.ask::<OperationCancel>(&part, &query);
    now.is_ok_and(|now| now.state == OperationState::Cancelled)
}
