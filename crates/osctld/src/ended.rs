//! What happens when a container ends by itself: it is put away, and then started again if it was
//! rebooted from inside, or deleted if it is ephemeral.
//!
//! All of it goes through the queue of the container, as if somebody had asked for it, so it is in
//! the history, and whoever is stopping the container at this moment is not disturbed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use os_api::Command;
use os_api::command::{ContainerDel, ContainerStart, ContainerStop};
use os_types::{ContainerState, StartInit, StopPolicy};

use crate::app::App;
use crate::host::run::Ended;
use crate::runtime::Key;
use crate::submit;

/// Ends of containers that nobody has attended to yet.
#[derive(Debug)]
pub(crate) struct Ends(Receiver<Key>);

/// Listens for the ends of containers from now on.
pub(crate) fn listen(app: &App) -> Ends {
    let (sender, receiver) = channel();
    app.host().tell_ends(Ended(Arc::new(move |key| {
        // Nobody attends to ends any more when the daemon ends.
        drop(sender.send(key));
    })));
    Ends(receiver)
}

impl Ends {
    /// Attends to them, to those that came so far first. What a crash cut off has to be settled by
    /// now: that takes no turns, and would not be alone with its container.
    pub(crate) fn attend(self, app: &App) {
        let app = app.clone();
        let thread = std::thread::Builder::new().name("ends".to_owned());
        let spawned = thread.spawn(move || {
            for key in self.0 {
                let app = app.clone();
                let thread = std::thread::Builder::new().name("end".to_owned());
                let spawned = thread.spawn(move || end(&app, &key));
                if let Err(error) = spawned {
                    tracing::error!(%error, "cannot put away a container that has ended");
                }
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "nobody listens for the ends of containers");
        }
    }
}

fn end(app: &App, key: &Key) {
    let (pool, name) = key;
    let was = app.host().runtime().recorded(key);
    // Somebody stops it: then a reboot is not wanted.
    let is_stopped = was
        .as_ref()
        .is_none_or(|slot| slot.state == ContainerState::Stopping);
    let stop = ContainerStop {
        pool: Some(pool.clone()),
        name: name.clone(),
        policy: StopPolicy::if_ended(),
    };
    if !run(app, key, stop.into(), "it has ended") || app.host().runtime().slot(key).is_some() {
        // Or somebody has started it again meanwhile.
        return;
    }
    if !is_stopped && app.host().wants_reboot(key) {
        let start = ContainerStart {
            pool: Some(pool.clone()),
            name: name.clone(),
            debug: false,
            init: StartInit::Own,
        };
        run(app, key, start.into(), "it was rebooted from inside");
        return;
    }
    let state = app.host().state();
    let found = state.find_container(Some(pool), name).ok();
    let doc = found.and_then(|found| found.entry.doc().cloned());
    let was_visited = was.is_some_and(|slot| slot.kind == StartInit::Idle);
    if doc.is_some_and(|doc| doc.ephemeral) && !was_visited {
        let del = ContainerDel {
            pool: Some(pool.clone()),
            name: name.clone(),
            force: false,
        };
        run(app, key, del.into(), "it is ephemeral and has ended");
    }
}

/// Runs a command of ours to its end; whether it succeeded.
fn run(app: &App, key: &Key, command: Command, why: &str) -> bool {
    let ran = submit::by_itself(app, key, command, why);
    if let Err(failure) = &ran {
        let (pool, name) = key;
        tracing::error!(%pool, %name, why, %failure, "cannot put away a container");
    }
    ran.is_ok()
}
