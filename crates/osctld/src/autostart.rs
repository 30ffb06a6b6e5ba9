//! Starting what is to be started when its pool has been imported.
//!
//! Containers with `autostart` are started by priority, then id, as many at a time as the pool's
//! `parallel_start` says. Each is started once for each boot of the host: a list in the run folder
//! remembers, so that a restart of the daemon does not start what somebody has stopped.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use os_api::command::ContainerStart;
use os_core::layout;
use os_store::atomic::{self, Attributes};
use os_types::{ContainerName, ContainerRef, Failure, PoolName, StartInit};

use crate::app::App;
use crate::submit;

/// Starts what is to be started on a pool that has been imported; returns when all are, on a thread
/// that may wait. What does not start is logged, and in the history.
pub(crate) fn run(app: &App, pool: &PoolName) {
    let waiting = match waiting(app, pool) {
        Ok(waiting) => Mutex::new(waiting),
        Err(failure) => {
            tracing::error!(%pool, %failure, "containers are not started");
            return;
        }
    };
    let state = app.host().state();
    let width = state
        .pool(pool)
        .map_or(1, |pool| pool.settings().parallel_start());
    let started = Mutex::new(());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    };
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while let Some(name) = next() {
                    start(app, pool, &name, &started);
                }
            });
        }
    });
}

fn start(app: &App, pool: &PoolName, name: &ContainerName, list: &Mutex<()>) {
    let command = ContainerStart {
        pool: Some(pool.clone()),
        name: name.clone(),
        debug: false,
        init: StartInit::Own,
    };
    let container = ContainerRef::new(pool, name);
    let ran = submit::by_itself(
        app,
        &container,
        command.into(),
        "it is to start with its pool",
    );
    let remembered = ran.and_then(|()| {
        let _one_at_a_time = list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = started(app, pool)?;
        all.insert(name.clone());
        remember(app, pool, &all)
    });
    if let Err(failure) = remembered {
        tracing::error!(%pool, %name, %failure, "a container does not start with its pool");
    }
}

/// What is still to be started, first things first.
fn waiting(app: &App, pool: &PoolName) -> Result<VecDeque<ContainerName>, Failure> {
    let started = started(app, pool)?;
    let state = app.host().state();
    let containers = state
        .pool(pool)
        .into_iter()
        .flat_map(os_core::PoolState::containers);
    let mut wanted: Vec<(u32, &ContainerName)> = containers
        .filter(|(name, _)| !started.contains(*name))
        .filter_map(|(name, entry)| Some((entry.doc()?.settings.autostart?.priority, name)))
        .collect();
    wanted.sort();
    Ok(wanted.into_iter().map(|(_, name)| name.clone()).collect())
}

/// `run/osctl/pools/<pool>/autostarted`: ids, one a line.
fn list(app: &App, pool: &PoolName) -> PathBuf {
    layout::run_folder(&app.host().paths().run(), pool).join("autostarted")
}

fn started(app: &App, pool: &PoolName) -> Result<BTreeSet<ContainerName>, Failure> {
    let bytes = atomic::read(&list(app, pool))?;
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

fn remember(app: &App, pool: &PoolName, all: &BTreeSet<ContainerName>) -> Result<(), Failure> {
    let lines = all.iter().map(|name| format!("{name}\n"));
    let text = lines.collect::<String>();
    let written = atomic::replace(&list(app, pool), text.as_bytes(), Attributes::mode(0o600));
    Ok(written.map(drop)?)
}
