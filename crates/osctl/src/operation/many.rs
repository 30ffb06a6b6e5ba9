//! The same command for several containers, side by side.
//!
//! Each is an operation of its own; osctld bounds how many run at a time (`parallel-start`,
//! `parallel-stop` of the pool). Each end is one line, in the order of the ends.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use os_api::endpoint::{CommandQuery, OperationGet, OperationPart, WaitQuery};
use os_api::{Command, Operation};
use os_types::{Code, ContainerName, Failure};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Wait, failure_of, lost, not_ended, run_each_within};
use crate::client::Client;
use crate::context::Ctx;
use crate::fault::{Fault, INTERRUPTED, Outcome};
use crate::printer::Printer;
use crate::target::Ref;

/// Operations that are followed at a time, each on a connection of its own. osctld accepts 512.
const AT_A_TIME: usize = 64;

/// How long osctld holds one answer back while an operation has not ended, in milliseconds.
const STEP_MS: u32 = 10_000;

/// As [`run_many_within`], until all have ended.
pub(crate) fn run_many<C: Into<Command>>(
    ctx: &mut Ctx,
    targets: &[Ref<ContainerName>],
    done: &str,
    command: impl Fn(Ref<ContainerName>) -> C,
) -> Outcome {
    run_many_within(ctx, targets, done, Wait::Forever, command)
}

/// Runs a command for each container, and says `done` of each that succeeded; with one container,
/// or with `--plan`, as any other command. One that fails does not stop the others.
///
/// # Errors
/// The exit status of the first failure, after all have ended.
pub(crate) fn run_many_within<C: Into<Command>>(
    ctx: &mut Ctx,
    targets: &[Ref<ContainerName>],
    done: &str,
    wait: Wait,
    command: impl Fn(Ref<ContainerName>) -> C,
) -> Outcome {
    if targets.len() <= 1 || ctx.globals.plan {
        return run_each_within(ctx, targets.to_vec(), wait, command);
    }
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let follow = |target: &Ref<ContainerName>| {
        let (client, permits) = (ctx.client.beside(), Arc::clone(&permits));
        let command = command(target.clone()).into();
        let target = target.clone();
        async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            (target, to_its_end(client, &command, wait).await)
        }
    };
    let follows: Vec<_> = targets.iter().map(follow).collect();
    let is_json = ctx.globals.json;
    let (client, printer) = (&mut ctx.client, &mut ctx.printer);
    client.run(async |_| {
        let mut ctrl_c = pin!(tokio::signal::ctrl_c());
        let (mut running, mut first) = (JoinSet::new(), None);
        for follow in follows {
            running.spawn(follow);
        }
        loop {
            let ended = tokio::select! {
                ended = running.join_next() => ended,
                _ = &mut ctrl_c => return interrupted(printer, running.len()),
            };
            let Some(ended) = ended else { break };
            let (target, ended) = ended.map_err(|error| {
                Failure::new(
                    Code::Internal,
                    format!("cannot follow an operation: {error}"),
                )
            })?;
            if let Err(failure) = conclude(printer, is_json, &target, done, ended)? {
                printer.failure(&failure);
                first = first.or_else(|| Some(failure.code.exit()));
            }
        }
        first.map_or(Ok(()), |status| Err(Fault::Status(status)))
    })?
}

/// Submits a command and waits for the end of its operation. Until that has begun, it is withdrawn
/// by closing the connection.
async fn to_its_end(
    mut client: Client,
    command: &Command,
    wait: Wait,
) -> Result<Operation, Failure> {
    let deadline = wait.deadline();
    if wait.is_none() {
        let query = CommandQuery::default();
        return client.post(command, &query).await?.read();
    }
    let query = CommandQuery {
        wait_ms: Some(wait.at_most(STEP_MS)),
    };
    let mut operation: Operation = client.post(command, &query).await?.read()?;
    let extra = Duration::from_millis(STEP_MS.into());
    while !operation.state.is_final() {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(not_ended(&operation));
        }
        let step_ms = left.map_or(STEP_MS, |left| Wait::Within(left).at_most(STEP_MS));
        let path = OperationPart {
            id: operation.id.to_string(),
        };
        let query = WaitQuery {
            wait_ms: Some(step_ms),
        };
        let asked = client.ask_async::<OperationGet>(&path, &query, extra).await;
        operation = match asked {
            Ok(now) => now,
            Err(failure) => lost::find(&mut client, &operation, failure).await?,
        };
    }
    Ok(operation)
}

/// Says how one ended.
fn conclude(
    printer: &mut Printer,
    is_json: bool,
    target: &Ref<ContainerName>,
    done: &str,
    ended: Result<Operation, Failure>,
) -> Result<Result<(), Failure>, Fault> {
    let failure = match ended {
        Err(failure) => Some(failure),
        Ok(operation) => {
            if is_json {
                printer.json(&operation)?;
            }
            super::warn(printer, &operation);
            if failure_of(&operation).is_none() {
                say_done(printer, target, done, &operation);
                return Ok(Ok(()));
            }
            failure_of(&operation)
        }
    };
    Ok(match failure {
        None => Ok(()),
        Some(mut failure) => {
            let name = target.name.to_string();
            if !failure.message.contains(&name) {
                failure.message = format!("{target}: {}", failure.message);
            }
            Err(failure)
        }
    })
}

fn say_done(printer: &mut Printer, target: &Ref<ContainerName>, done: &str, operation: &Operation) {
    if !operation.state.is_final() {
        printer.progress(format_args!("{target}: operation {} goes on", operation.id));
    } else if operation.steps.is_empty() {
        printer.progress(format_args!("{target}: nothing had to be done"));
    } else {
        printer.progress(format_args!("{target}: {done}"));
    }
}

/// After Ctrl-C: what has not begun is withdrawn with its connection.
fn interrupted(printer: &mut Printer, count: usize) -> Outcome {
    printer.say(format_args!(
        "{count} operations had not ended: those that have begun go on, the others are withdrawn"
    ));
    printer.say("hint: osctl operation ls");
    Err(Fault::Status(INTERRUPTED))
}
