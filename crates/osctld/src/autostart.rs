//! Starts containers with autostart after the import of their pool.
//!
//! Containers with `autostart` are started by priority, then id, as many at a time as the pool's
//! `parallel_start` says, each by an operation of the daemon's own. On a loaded host the next start
//! waits for the `delay` of the one before. Each is started once per boot of the host: a list in the runtime directory
//! records it, so that a restart of the daemon does not start containers that an administrator has stopped.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use os_api::OperationState;
use os_api::command::ContainerStart;
use os_core::layout;
use os_store::atomic::{self, Attributes};
use os_types::plan::JournalPlace;
use os_types::{ContainerName, ContainerRef, Failure, OpId, PoolName, StartInit};
use tokio::sync::{Mutex, Semaphore};

use crate::app::App;
use crate::{resume, submit};

/// Once the operation that imports a pool has finished, resumes operations that a crash interrupted, and, if
/// `starts`, starts the pool's containers with autostart.
pub(crate) fn after_import(app: &App, pool: PoolName, starts: bool, import: OpId) {
    let app = app.clone();
    tokio::spawn(async move {
        // However long the import takes: its operation has a deadline of its own.
        let state = submit::end_at_last(&app, &import).await;
        if state.is_ok_and(|state| state == OperationState::Finished) {
            resume::at(&app, JournalPlace::Pool { pool: pool.clone() }).await;
            if starts {
                begin(&app, pool);
            }
        }
    });
}

/// Starts the containers with autostart of an imported pool, in the background. Failures are
/// logged, and in the history. Must be called within the runtime.
pub(crate) fn begin(app: &App, pool: PoolName) {
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(failure) = run(&app, &pool).await {
            tracing::error!(%pool, %failure, "containers are not started");
        }
    });
}

async fn run(app: &App, pool: &PoolName) -> Result<(), Failure> {
    let waiting = {
        let (app, pool) = (app.clone(), pool.clone());
        let engine = app.engine().clone();
        engine.on_thread(move || waiting(&app, &pool)).await?
    };
    let state = app.host().state();
    let width = state
        .pool(pool)
        .map_or(1, |pool| pool.settings().parallel_start());
    let slots = Arc::new(Semaphore::new(width as usize));
    let list = Arc::new(Mutex::new(()));
    for (name, delay) in waiting {
        // The semaphore is never closed.
        let slot = Arc::clone(&slots).acquire_owned().await;
        let (app, pool, list) = (app.clone(), pool.clone(), Arc::clone(&list));
        tokio::spawn(async move {
            if let Err(failure) = start(&app, &pool, &name, &list).await {
                tracing::error!(%pool, %name, %failure, "a container does not start with its pool");
            }
            if is_loaded(&app.host().paths().load_average()) {
                tracing::info!(%pool, %name, ?delay, "the host is loaded: the next start waits");
                tokio::time::sleep(delay).await;
            }
            drop(slot);
        });
    }
    Ok(())
}

async fn start(
    app: &App,
    pool: &PoolName,
    name: &ContainerName,
    list: &Mutex<()>,
) -> Result<(), Failure> {
    let command = ContainerStart {
        pool: Some(pool.clone()),
        name: name.clone(),
        debug: false,
        init: StartInit::Own,
    };
    let container = ContainerRef::new(pool, name);
    app.admission().opened().await;
    let why = "it is to start with its pool";
    submit::own(app, &container, command.into(), why).await?;
    let _one_at_a_time = list.lock().await;
    let (app, pool, name) = (app.clone(), pool.clone(), name.clone());
    let engine = app.engine().clone();
    let remembering = move || {
        let mut all = started(&app, &pool)?;
        all.insert(name);
        remember(&app, &pool, &all)
    };
    engine.on_thread(remembering).await
}

/// Whether more processes want to run than there are processors: then the delay of a container keeps
/// the next one from starting right behind it.
fn is_loaded(load_average: &Path) -> bool {
    let load = std::fs::read_to_string(load_average).unwrap_or_default();
    let load = load.split(' ').next().and_then(|load| load.parse().ok());
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let processors = u32::try_from(processors).unwrap_or(u32::MAX);
    load.is_some_and(|load: f64| load > f64::from(processors))
}

/// What is still to be started, first things first.
fn waiting(app: &App, pool: &PoolName) -> Result<Vec<(ContainerName, Duration)>, Failure> {
    let started = started(app, pool)?;
    let state = app.host().state();
    let containers = state
        .pool(pool)
        .into_iter()
        .flat_map(os_core::PoolState::containers);
    let mut wanted: Vec<(u32, &ContainerName, u32)> = containers
        .filter(|(name, _)| !started.contains(*name))
        .filter_map(|(name, entry)| {
            let autostart = entry.doc()?.settings.autostart?;
            Some((autostart.priority, name, autostart.delay_s))
        })
        .collect();
    wanted.sort();
    let delay = |seconds: u32| Duration::from_secs(seconds.into());
    let wanted = wanted.into_iter();
    Ok(wanted
        .map(|(_, name, seconds)| (name.clone(), delay(seconds)))
        .collect())
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
