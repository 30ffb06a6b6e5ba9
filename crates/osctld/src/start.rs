//! From the command line to a daemon that serves, and to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use os_api::OperationState;
use os_api::view::DaemonState;
#[cfg(debug_assertions)]
use os_engine::FaultPlan;
use os_engine::{Engine, Faults, Limits, Setup};
use os_store::atomic::{self, Attributes};
use os_types::plan::JournalPlace;
use os_types::{OpId, PoolName};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::args::Args;
use crate::host::LinuxHost;
use crate::host::probe_threads::ProbeThreads;
use crate::news::News;
use crate::paths::Paths;
use crate::read_pool::ReadPool;
use crate::scopes::{Journals, Scopes};
use crate::submit::{self, Who};
use crate::{autostart, exits, http, instance, log, notify, resume};

/// Time for running operations to end when the daemon is stopped; the others are recovered at the
/// next start.
const GRACE: Duration = Duration::from_secs(10);

/// Descriptors of the daemon at most: each client takes two, each container that runs at most nine: its
/// init, its monitor, files of its control groups.
const DESCRIPTORS: u64 = 65_536;

/// How long the disks of the pools have at the start to say what is on them.
const LOOK_DEADLINE: Duration = Duration::from_mins(1);

/// Runs the daemon until a signal stops it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let paths = Paths::new(root(&args.root)?);
    if args.print_cgroup_parent {
        print(&paths.cgroup_parent());
        return Ok(());
    }
    log::start(args.log_format, &args.log, &paths.root().join("dev/log"))?;
    let _lock = instance::claim(&paths.run())?;
    os_sys::raise_descriptors(DESCRIPTORS).context("cannot raise a limit")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(256)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    // Before the socket exists: a client that gets a response may also send a signal.
    let signals = runtime.block_on(async { Signals::catch() })?;
    let app = assemble(args, &paths)?;
    let listener = instance::bind(&paths.socket())?;
    let result = runtime.block_on(serve(app, listener, signals, args.no_import));
    runtime.shutdown_timeout(Duration::from_secs(1));
    // A client that connects now fails at once.
    drop(std::fs::remove_file(paths.socket()));
    result
}

/// The root directory, absolute. One that is not that of the host is made with all that the daemon expects
/// in it; its parent has to be there, so that a mistyped path makes nothing.
fn root(root: &Path) -> anyhow::Result<PathBuf> {
    let unusable = || format!("cannot use the root {}", root.display());
    let root_path = std::path::absolute(root).with_context(unusable)?;
    if let Some(parent) = root_path.parent() {
        parent.canonicalize().with_context(unusable)?;
        let etc = root_path.join("etc");
        atomic::create_dir_all(&etc, Attributes::mode(0o755)).with_context(unusable)?;
    }
    root.canonicalize().with_context(unusable)
}

#[expect(
    clippy::print_stdout,
    reason = "what a test asks for on the command line"
)]
fn print(text: &str) {
    println!("{text}");
}

fn assemble(args: &Args, paths: &Paths) -> anyhow::Result<App> {
    let scopes = Arc::new(Scopes::new(paths.clone()));
    let news = News::default();
    let host = LinuxHost::new(paths.clone(), Arc::clone(&scopes), news.clone())?;
    let identity = os_engine::Identity {
        boot: host.identity().boot_id.clone(),
        host: host.identity().host_id.clone(),
    };
    let engine = Engine::new(Setup {
        host,
        journals: Box::new(Journals(scopes)),
        identity,
        faults: faults(args)?,
        limits: Limits::default(),
    });
    news.connect(engine.events().clone());
    let reads = ReadPool::start().context("cannot start threads for reads")?;
    Ok(App::new(engine, reads))
}

/// A daemon that is released injects no faults.
#[cfg(not(debug_assertions))]
#[expect(clippy::unnecessary_wraps, reason = "as its sibling for tests")]
fn faults(_: &Args) -> anyhow::Result<Faults> {
    Ok(Faults::none())
}

/// Faults for tests of crash safety; none unless asked for on the command line.
#[cfg(debug_assertions)]
fn faults(args: &Args) -> anyhow::Result<Faults> {
    let Some(plan) = args.fault.as_deref() else {
        return Ok(Faults::none());
    };
    let plan: FaultPlan = plan.parse()?;
    tracing::warn!(?plan, "faults are being injected");
    Ok(Faults::new(
        plan,
        Arc::new(|action| match action {
            os_engine::fault::Action::Kill => {
                if let Err(error) = os_sys::kill_self() {
                    tracing::error!(%error, "cannot end");
                }
            }
            _ => loop {
                std::thread::park();
            },
        }),
    ))
}

async fn serve(
    app: App,
    listener: std::os::unix::net::UnixListener,
    mut signals: Signals,
    no_import: bool,
) -> anyhow::Result<()> {
    let listener = UnixListener::from_std(listener).context("cannot listen")?;
    tracing::info!(pid = std::process::id(), socket = ?app.host().paths().socket(), "listening");
    let server = tokio::spawn(http::serve(app.clone(), listener, app.stopping()));
    notify::tell(notify::READY);
    let starting = tokio::spawn(become_ready(app.clone(), no_import));
    tokio::select! {
        _ = signals.terminate.recv() => tracing::info!("told to end (SIGTERM)"),
        _ = signals.interrupt.recv() => tracing::info!("told to end (SIGINT)"),
    }
    starting.abort();
    notify::tell(notify::STOPPING);
    app.enter(DaemonState::Stopping);
    for operation in app.engine().shutdown(GRACE).await {
        tracing::warn!(id = %operation.id, cli = operation.cli, "left for the next start");
    }
    app.stop();
    // Without a pool there is nothing in it any more.
    if let Err(error) = app.host().cgroups().remove_parent() {
        tracing::warn!(error = os_types::chain(&error), "our control group is left");
    }
    server.await.context("the server died")
}

/// What tells the daemon to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn catch() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Settles what a crash left open and imports the pools that were imported before.
async fn become_ready(app: App, no_import: bool) {
    settle(&app, JournalPlace::Host).await;
    let mut imported = Vec::new();
    if !no_import {
        imported = import_all(&app).await;
        let tidy = app.clone();
        let tidied = tokio::task::spawn_blocking(move || tidy.host().unregister_strangers()).await;
        if let Ok(Err(failure)) = tidied {
            tracing::error!(%failure, "cannot write the account files");
        }
    }
    // Only now is it known what runs. Operations that were cut off are in the queues of their containers
    // before the first command is accepted; neither they nor their guests are waited for.
    let state = app.host().state();
    let pools = state.pools().iter().map(|pool| JournalPlace::Pool {
        pool: pool.name().clone(),
    });
    for place in pools.chain([JournalPlace::Host, JournalPlace::Run]) {
        resume::at(&app, place).await;
    }
    exits::attend(&app);
    app.enter(DaemonState::Ready);
    notify::tell(notify::IMPORTED);
    for pool in imported {
        autostart::begin(&app, pool);
    }
}

/// Settles the operations whose journal a crash left open at a place.
async fn settle(app: &App, place: JournalPlace) {
    match app.engine().recover(place.clone()).await {
        Ok(settled) if settled.is_empty() => {}
        Ok(settled) => tracing::info!(?place, ?settled, "settled operations"),
        Err(failure) => tracing::error!(?place, %failure, "cannot settle operations"),
    }
}

/// Imports, all at once, the pools that this host had open when it was last seen; those it imported.
async fn import_all(app: &App) -> Vec<PoolName> {
    let (mut operations, mut imported, mut late) = (Vec::new(), Vec::new(), Vec::new());
    let pools = ours(app).await;
    // From now on they are listed as being imported, whatever their operations wait for.
    let importing = app.host().importing();
    for pool in &pools {
        importing.begin(pool);
    }
    for pool in &pools {
        // By an operation that a crash had cut off.
        if app.host().state().pool(pool).is_some() {
            imported.push(pool.clone());
            continue;
        }
        let body = os_api::command::PoolImport {
            pool: pool.clone(),
            source: None,
            force: false,
            // Later: operations about containers may have to be settled before.
            autostart: false,
        };
        let who = Who {
            uid: 0,
            pid: 0,
            cli: format!("osctld: import of pool {pool} at start"),
        };
        match submit::submit(app, body.into(), who).await {
            Ok(id) => operations.push((pool, id)),
            Err(failure) => tracing::error!(%pool, %failure, "cannot import"),
        }
    }
    for (pool, id) in operations {
        match app.engine().wait(id.as_str(), os_engine::DEADLINE).await {
            Ok(operation) if operation.state == OperationState::Finished => {
                tracing::info!(%pool, "imported");
                imported.push(pool.clone());
            }
            Ok(operation) => {
                if !operation.state.is_final() {
                    late.push(pool);
                    end_late(app, pool.clone(), id.clone());
                }
                let failure = operation.failure.map(|failure| failure.to_string());
                let failure =
                    failure.unwrap_or_else(|| format!("operation {id} has not ended yet"));
                tracing::error!(%pool, failure, "cannot import");
            }
            Err(failure) => tracing::error!(%pool, %failure, "cannot import"),
        }
    }
    for pool in pools.iter().filter(|pool| !late.contains(pool)) {
        importing.end(pool);
    }
    imported
}

/// A pool whose import is not waited for any more is listed as being imported until that ends.
fn end_late(app: &App, pool: PoolName, import: OpId) {
    let app = app.clone();
    tokio::spawn(async move {
        drop(submit::end_at_last(&app, &import).await);
        app.host().importing().end(&pool);
    });
}

/// The pools that are open or carry our mark. One whose disk does not answer is left out.
async fn ours(app: &App) -> Vec<PoolName> {
    let app = app.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let sources = app.host().sources().unwrap_or_default();
        let probes = ProbeThreads::<bool>::default();
        let begin = |pool: PoolName| {
            let (app, own) = (app.clone(), pool.clone());
            let number = probes.begin(pool.as_str().as_ref(), move || is_ours(&app, &own));
            (pool, number)
        };
        let begun: Vec<_> = sources.into_keys().map(begin).collect();
        let deadline = Instant::now() + LOOK_DEADLINE;
        let answer = |(pool, number): (PoolName, _)| {
            let answer = probes.end(pool.as_str().as_ref(), number, LOOK_DEADLINE, deadline);
            if answer.is_none() {
                tracing::error!(%pool, "its disk does not answer: it is not imported");
            }
            answer.unwrap_or(false).then_some(pool)
        };
        begun.into_iter().filter_map(answer).collect()
    });
    looking.await.unwrap_or_default()
}

fn is_ours(app: &App, pool: &PoolName) -> bool {
    app.host().is_ours(pool).unwrap_or_else(|failure| {
        tracing::warn!(%pool, %failure, "cannot look at a pool");
        false
    })
}
