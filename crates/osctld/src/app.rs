//! What all parts of the daemon share.

use std::sync::Arc;

use jiff::Timestamp;
use os_api::EventBody;
use os_api::view::DaemonState;
use os_engine::Engine;
use tokio::sync::{Semaphore, watch};

use crate::admission::Admission;
use crate::host::LinuxHost;
use crate::read_pool::ReadPool;
use crate::readiness::ReadinessWatchers;

/// Reads of files on pools that run at the same time, whatever they read.
const FILE_READS: usize = 64;

/// The daemon; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine<LinuxHost>,
    started: Timestamp,
    state: watch::Sender<DaemonState>,
    stopping: watch::Sender<bool>,
    reads: ReadPool,
    file_reads: Arc<Semaphore>,
    readiness: Arc<ReadinessWatchers>,
    admission: Admission,
}

impl App {
    pub(crate) fn new(engine: Engine<LinuxHost>, reads: ReadPool) -> Self {
        Self(Arc::new(Inner {
            engine,
            started: Timestamp::now(),
            state: watch::Sender::new(DaemonState::Starting),
            stopping: watch::Sender::new(false),
            reads,
            file_reads: Arc::new(Semaphore::new(FILE_READS)),
            readiness: Arc::default(),
            admission: Admission::default(),
        }))
    }

    /// The threads for reads.
    pub(crate) fn reads(&self) -> &ReadPool {
        &self.0.reads
    }

    /// The places for reads of files on pools; one whose disk hangs keeps its place.
    pub(crate) fn file_reads(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.file_reads)
    }

    /// The guests that somebody waits for.
    pub(crate) fn readiness(&self) -> &Arc<ReadinessWatchers> {
        &self.0.readiness
    }

    /// Whether commands that start or stop containers are accepted.
    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// What runs operations.
    pub(crate) fn engine(&self) -> &Engine<LinuxHost> {
        &self.0.engine
    }

    /// The host: paths, the state in memory, pools, accounts.
    pub(crate) fn host(&self) -> &LinuxHost {
        self.0.engine.host()
    }

    /// When the daemon was started.
    pub(crate) fn started(&self) -> Timestamp {
        self.0.started
    }

    /// Where the daemon is.
    pub(crate) fn state(&self) -> DaemonState {
        *self.0.state.borrow()
    }

    /// Changes the state of the daemon and sends an event.
    pub(crate) fn enter(&self, state: DaemonState) {
        tracing::info!(?state, "daemon");
        self.0.state.send_replace(state);
        self.engine().events().emit(EventBody::Daemon { state });
    }

    /// Turns true when the daemon is to end.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    /// Asks everything to end.
    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
    }
}
