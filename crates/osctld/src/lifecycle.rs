//! Preparing the daemon for a stop: commands that start, stop, freeze or delete containers are not
//! accepted any more, and those that run are waited for.
//!
//! ```text
//!           prepare-stop              nothing runs
//!   ready ───────────────> draining ───────────────> prepared
//!     ^  pre-stop failed       │ not in time             │
//!     │<───────────────────────┤                         │
//!     │                        v                         │
//!     │<─────resume──────── blocked                      │
//!     └────────────────────────────────────resume────────┘
//! ```
//!
//! Scripts of the administrator in `run/osctl/hooks/daemon` are run at both ends: `pre-stop` before the
//! admission is closed, `post-resume` before it is opened again. A `post-resume` that fails leaves the daemon
//! blocked; it is tried again until it succeeds.

use std::time::Duration;

use os_api::Operation;
use os_api::view::{DaemonState, DaemonStatus};
use os_types::{Code, Failure};
use tokio::time::Instant;

use crate::admission::is_lifecycle;
use crate::app::App;

/// How long lifecycle commands that run are waited for.
const DRAIN: Duration = Duration::from_mins(5);

/// Pause after a `post-resume` that failed, before it is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Where the daemon is.
pub(crate) fn status(app: &App) -> DaemonStatus {
    let phase = app.state();
    let is_stopping = matches!(phase, DaemonState::Draining | DaemonState::Blocked);
    DaemonStatus {
        schema: 1,
        legacy: false,
        started_at: app.started(),
        initialized: phase != DaemonState::Starting,
        phase,
        ready: phase == DaemonState::Ready,
        lifecycle_admission: *app.admission().open.borrow(),
        failures: app.admission().failures().clone(),
        orphans: orphans(app),
        drain_blockers: if is_stopping {
            lines(&running(app))
        } else {
            Vec::new()
        },
    }
}

/// Containers that run and that no imported pool has.
fn orphans(app: &App) -> Vec<String> {
    let state = app.host().state();
    let live = app.host().runtime().live().into_keys();
    let unknown = live.filter(|it| state.find(Some(&it.pool), &it.name).is_err());
    unknown.map(|container| container.to_string()).collect()
}

/// Lifecycle operations that have not ended.
fn running(app: &App) -> Vec<Operation> {
    let all = app.engine().list().into_iter();
    all.filter(|it| !it.state.is_final() && is_lifecycle(&it.command))
        .collect()
}

/// Operations for people: `20261122-213015.123-4f2a osctl ct start web`.
fn lines(operations: &[Operation]) -> Vec<String> {
    let line = |it: &Operation| format!("{} {}", it.id, it.cli);
    operations.iter().map(line).collect()
}

/// Prepares the daemon for a stop. One that is prepared stays so.
pub(crate) async fn prepare_stop(app: &App) -> Result<DaemonStatus, Failure> {
    let admission = app.admission();
    let mut retries = admission.turn.lock().await;
    match app.state() {
        DaemonState::Prepared => return Ok(status(app)),
        DaemonState::Ready | DaemonState::Blocked | DaemonState::Draining => {}
        DaemonState::Starting | DaemonState::Stopping => {
            return Err(not_now(app, "prepared for a stop"));
        }
    }
    *retries = false;
    admission.failures().clear();
    app.enter(DaemonState::Draining);
    if let Err(failure) = hook(app, "pre-stop").await {
        admission.failures().push(failure.message.clone());
        // The command reports the failure of pre-stop, also if post-resume fails.
        drop(reopen_at_last(app, &mut retries).await);
        return Err(failure);
    }
    admission.open.send_replace(false);
    let resumed = admission.resumed.notified();
    tokio::select! {
        drained = drain(app) => match drained {
            Ok(()) => app.enter(DaemonState::Prepared),
            Err(failure) => {
                admission.failures().push(failure.message.clone());
                app.enter(DaemonState::Blocked);
                return Err(failure);
            }
        },
        () = resumed => {
            let text = "osctld was resumed before it was prepared for a stop";
            return Err(Failure::new(Code::Cancelled, text));
        }
    }
    Ok(status(app))
}

/// Waits until no lifecycle operation runs.
async fn drain(app: &App) -> Result<(), Failure> {
    let deadline = Instant::now() + DRAIN;
    loop {
        let running = running(app);
        let Some(first) = running.first() else {
            return Ok(());
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let (seconds, running) = (DRAIN.as_secs(), lines(&running).join(", "));
            let text = format!("commands have not ended after {seconds} s: {running}");
            let failure = Failure::new(Code::Deadline, text);
            return Err(failure.next("osctl operation cancel, or osctl daemon resume"));
        }
        app.engine().wait(first.id.as_str(), left).await?;
    }
}

/// Accepts lifecycle commands again. A daemon that is ready stays so.
pub(crate) async fn resume(app: &App) -> Result<DaemonStatus, Failure> {
    let admission = app.admission();
    admission.resumed.notify_waiters();
    let mut retries = admission.turn.lock().await;
    match app.state() {
        DaemonState::Ready => return Ok(status(app)),
        DaemonState::Prepared | DaemonState::Blocked | DaemonState::Draining => {}
        DaemonState::Starting | DaemonState::Stopping => return Err(not_now(app, "resumed")),
    }
    admission.failures().clear();
    reopen_at_last(app, &mut retries).await?;
    Ok(status(app))
}

/// Runs the scripts and opens the admission.
async fn reopen(app: &App) -> Result<(), Failure> {
    let admission = app.admission();
    let ran = hook(app, "post-resume").await;
    admission.open.send_replace(ran.is_ok());
    if let Err(failure) = ran {
        admission.failures().push(failure.message.clone());
        app.enter(DaemonState::Blocked);
        return Err(failure);
    }
    app.enter(DaemonState::Ready);
    Ok(())
}

/// As [`reopen`]; if that fails, it is tried again in the background.
async fn reopen_at_last(app: &App, retries: &mut bool) -> Result<(), Failure> {
    let opened = reopen(app).await;
    let was_retrying = std::mem::replace(retries, opened.is_err());
    if opened.is_err() && !was_retrying {
        tokio::spawn(retry(app.clone()));
    }
    opened
}

/// Tries to resume until that succeeds, or something else is wanted.
async fn retry(app: App) {
    loop {
        tokio::time::sleep(RETRY).await;
        let mut retries = app.admission().turn.lock().await;
        if !*retries || app.state() != DaemonState::Blocked {
            return;
        }
        app.admission().failures().clear();
        *retries = reopen(&app).await.is_err();
        if !*retries {
            return;
        }
    }
}

/// Runs the administrator's scripts of this name.
async fn hook(app: &App, name: &'static str) -> Result<(), Failure> {
    let folder = app.host().paths().daemon_hooks();
    let environment = [
        ("OSCTL_HOOK_NAME", name.to_owned()),
        ("OSCTL_DAEMON_STATE", phase(app)),
        ("OSCTL_DAEMON_PID", std::process::id().to_string()),
    ];
    let run = move || os_runtime::run_scripts(&folder, name, &environment);
    let run = tokio::task::spawn_blocking(run).await;
    run.unwrap_or_else(|error| Err(Failure::new(Code::Internal, format!("a script: {error}"))))
}

/// Where the daemon is, as in its status: `ready`.
fn phase(app: &App) -> String {
    let phase = serde_json::to_value(app.state()).unwrap_or_default();
    phase.as_str().unwrap_or_default().to_owned()
}

fn not_now(app: &App, what: &str) -> Failure {
    let text = format!("osctld is {} and cannot be {what}", phase(app));
    Failure::new(Code::Draining, text).next("osctl daemon status")
}
