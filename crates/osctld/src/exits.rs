//! What happens when a container ends by itself: what is left of it is removed, and then it is started
//! again if its guest asked for a reboot, or deleted if it is ephemeral.
//!
//! All of it is done by commands that take the container's lock, as if a client had sent them. So it is
//! in the history, and an operation that is stopping the container at this moment is not disturbed.
//!
//! A fixed number of threads takes containers from the runtime's queue. What fails because the engine
//! is busy goes back into the queue, so no exit is lost.

use std::time::{Duration, Instant};

use os_api::Command;
use os_api::command::{ContainerDel, ContainerStart, ContainerStop};
use os_types::{Code, ContainerRef, Failure, StartInit, StopPolicy};

use crate::app::App;
use crate::submit;

/// How many exits are attended to at the same time.
const WORKERS: usize = 4;

/// Delay after which an exit that could not be attended to is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Attends to exits from now on, to those that came so far first. What a crash cut off has to be
/// settled, or in the queue of its container, by now: a stop that goes on is not for exits to end.
pub(crate) fn attend(app: &App) {
    for _ in 0..WORKERS {
        let app = app.clone();
        let thread = std::thread::Builder::new().name("exits".to_owned());
        let spawned = thread.spawn(move || {
            let exits = app.host().runtime().exits();
            loop {
                let container = exits.next();
                match clear(&app, &container) {
                    Ok(()) => {}
                    // The export of its pool has stopped and cleared it.
                    Err(failure) if failure.code == Code::PoolState => {
                        tracing::debug!(%container, %failure, "an exit needs no attention any more");
                    }
                    Err(failure) => {
                        tracing::error!(%container, %failure, "cannot clear a container that has ended");
                        exits.push_later(container, RETRY);
                    }
                }
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "cannot attend to the ends of containers");
        }
    }
}

fn clear(app: &App, container: &ContainerRef) -> Result<(), Failure> {
    let runtime = app.host().runtime();
    let Some(was) = runtime.container(container) else {
        return Ok(());
    };
    if let Some(at) = was.restart_at {
        return reboot(app, container, at);
    }
    if was.has_ended() {
        let policy = StopPolicy::if_ended();
        submit::by_itself(app, container, stop(container, policy), "it has ended")?;
        return delete(app, container, was.is_exec_only());
    }
    if was.is_exec_only() {
        let why = "its command has ended";
        return submit::by_itself(app, container, stop(container, StopPolicy::kill()), why);
    }
    Ok(())
}

fn stop(container: &ContainerRef, policy: StopPolicy) -> Command {
    let stop = ContainerStop {
        pool: Some(container.pool.clone()),
        name: container.name.clone(),
        policy,
    };
    stop.into()
}

/// Starts a container whose guest asked for a reboot, unless an operation has stopped or started it
/// by the time it is its turn.
fn reboot(app: &App, container: &ContainerRef, at: Instant) -> Result<(), Failure> {
    let exits = app.host().runtime().exits();
    let left = at.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        exits.push_later(container.clone(), left);
        return Ok(());
    }
    let start = ContainerStart {
        pool: Some(container.pool.clone()),
        name: container.name.clone(),
        debug: false,
        init: StartInit::Own,
    };
    let is_wanted = move |app: &App, container: &ContainerRef| {
        let live = app.host().runtime().container(container);
        live.is_some_and(|live| live.restart_at == Some(at))
    };
    let why = "it was rebooted from inside";
    match submit::by_itself_while(app, container, start.into(), why, is_wanted) {
        Err(failure) if is_wanted(app, container) => Err(failure),
        // What became of the start is in the history; another attempt would end in the same way.
        _ => Ok(()),
    }
}

/// Deletes a container that has ended and is ephemeral.
fn delete(app: &App, container: &ContainerRef, was_exec_only: bool) -> Result<(), Failure> {
    if was_exec_only || app.host().runtime().container(container).is_some() {
        return Ok(());
    }
    let ContainerRef { pool, name } = container;
    let state = app.host().state();
    let found = state.find(Some(pool), name).ok();
    let doc = found.and_then(|found| found.entry.doc().cloned());
    if doc.is_none_or(|doc| doc.settings.ephemeral != Some(true)) {
        return Ok(());
    }
    let del = ContainerDel {
        pool: Some(pool.clone()),
        name: name.clone(),
        force: false,
    };
    submit::by_itself(app, container, del.into(), "it is ephemeral and has ended")
}
