//! What happens when a container ends by itself: what is left of it is removed, and then it is started
//! again if its guest asked for a reboot, or deleted if it is ephemeral.
//!
//! All of it is done by commands that take the container's lock, as if a client had sent them. So it is
//! in the history, and an operation that is stopping the container at this moment is not disturbed.
//!
//! A fixed number of threads takes containers from the runtime's queue. What fails because the engine
//! is busy goes back into the queue, so no exit is lost.

use std::time::Duration;

use os_api::Command;
use os_api::command::{ContainerDel, ContainerStart, ContainerStop};
use os_types::{ContainerRef, ContainerState, Failure, StartInit, StopPolicy};

use crate::app::App;
use crate::submit;

/// How many exits are attended to at the same time.
const WORKERS: usize = 4;

/// Delay after which an exit that could not be attended to is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Attends to exits from now on, to those that came so far first. What a crash cut off has to be
/// settled by now: that takes no locks, and would not be alone with its container.
pub(crate) fn attend(app: &App) {
    for _ in 0..WORKERS {
        let app = app.clone();
        let thread = std::thread::Builder::new().name("exits".to_owned());
        let spawned = thread.spawn(move || {
            let exits = app.host().runtime().exits();
            loop {
                let container = exits.next();
                if let Err(failure) = clear(&app, &container) {
                    tracing::error!(%container, %failure, "cannot clear a container that has ended");
                    exits.push_later(container, RETRY);
                }
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "cannot attend to the ends of containers");
        }
    }
}

fn clear(app: &App, container: &ContainerRef) -> Result<(), Failure> {
    let ContainerRef { pool, name } = container;
    let runtime = app.host().runtime();
    let Some(was) = runtime.recorded(container) else {
        return Ok(());
    };
    let stop = ContainerStop {
        pool: Some(pool.clone()),
        name: name.clone(),
        policy: StopPolicy::if_ended(),
    };
    run(app, container, stop.into(), "it has ended")?;
    if runtime.container(container).is_some() {
        // An operation has started it again meanwhile.
        return Ok(());
    }
    // An operation that was stopping it does not want it to be started again.
    let was_stopping = was.state == ContainerState::Stopping;
    if !was_stopping && app.host().take_reboot_request(container) {
        let start = ContainerStart {
            pool: Some(pool.clone()),
            name: name.clone(),
            debug: false,
            init: StartInit::Own,
        };
        return run(app, container, start.into(), "it was rebooted from inside");
    }
    let state = app.host().state();
    let found = state.find_container(Some(pool), name).ok();
    let doc = found.and_then(|found| found.entry.doc().cloned());
    if doc.is_some_and(|doc| doc.settings.ephemeral == Some(true)) && !was.is_exec_only() {
        let del = ContainerDel {
            pool: Some(pool.clone()),
            name: name.clone(),
            force: false,
        };
        run(app, container, del.into(), "it is ephemeral and has ended")?;
    }
    Ok(())
}

/// Runs a command of ours to its end.
fn run(app: &App, container: &ContainerRef, command: Command, why: &str) -> Result<(), Failure> {
    submit::by_itself(app, container, command, why)
}
