//! The table of live containers. Its entries change only by [`Containers::apply`] and
//! [`Containers::insert`], which follow the drawing in `state.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use os_api::event::ExitKind;
use os_api::started_with::StartedWith;
use os_cgroup::{CgroupPath, OpenFiles};
use os_types::{Code, ContainerRef, ContainerState, Failure, GuestSettings, PoolName, StartInit};

use crate::process::Process;
use crate::record::Record;
use crate::state::{self, Event};

/// Called with each new state of a container, and the process id of its init.
pub type StateChange = Box<dyn Fn(&ContainerRef, ContainerState, Option<u32>) + Send + Sync>;

/// Called when a container has exited, before the event about its state is sent.
pub type Exited = Box<dyn Fn(&ContainerRef, ExitKind) + Send + Sync>;

/// What is known of a container that is not stopped.
#[derive(Debug, Clone)]
pub struct LiveContainer {
    /// Its state. Read it through [`crate::Runtime::container`], which asks the kernel.
    pub state: ContainerState,
    /// Its init. Absent while it is starting, and when init has ended.
    pub init: Option<Process>,
    /// Which init it was started with.
    pub init_kind: StartInit,
    /// Process id of its LXC monitor, for people; it may have ended.
    pub monitor_pid: Option<u32>,
    /// When it was started. Absent if its run record was lost.
    pub started: Option<Timestamp>,
    /// When its guest, which asked for a reboot, is started again; it is starting until then.
    pub restart_at: Option<Instant>,
    /// How many times in a row its guest asked for a reboot soon after its start.
    pub quick_reboots: u32,
    /// Its runtime directory.
    pub run: PathBuf,
    /// Its control group below our parent group. It does not move when its configuration changes.
    pub cgroup: CgroupPath,
    /// The seccomp policy that it was started with, if it is not ours.
    pub seccomp: Option<Arc<str>>,
    /// The settings and parts that it was started with. Absent if its run record was lost.
    pub started_with: Option<Arc<StartedWith>>,
    /// The files of its control groups that listings read.
    pub files: Arc<OpenFiles>,
}

impl LiveContainer {
    /// Process id of its init.
    pub fn init_pid(&self) -> Option<u32> {
        self.init.as_ref().map(Process::pid)
    }

    /// Whether it was started for a single command (`ct exec --run-container`).
    pub fn is_exec_only(&self) -> bool {
        self.init_kind == StartInit::Pause
    }

    /// Its run record.
    pub(crate) fn record(&self) -> Record {
        Record {
            init_pid: self.init_pid(),
            init_start: self.init.as_ref().map(Process::start_time),
            kind: self.init_kind,
            monitor_pid: self.monitor_pid,
            started: self.started.unwrap_or_default(),
            cgroup: self.cgroup.to_string(),
            command: None,
            stop: None,
            after_exit: None,
            quick_reboots: self.quick_reboots,
            started_with: serde_json::to_value(self.started_with.as_deref()).unwrap_or_default(),
        }
    }

    /// Whether its init has ended, as the kernel says. One that is starting has no init yet.
    pub fn has_ended(&self) -> bool {
        match &self.init {
            Some(init) => init.has_ended(),
            None => self.state != ContainerState::Starting,
        }
    }

    /// As it is now: one whose init has ended is stopping, even before its clean-up.
    fn now(mut self) -> Self {
        if self.has_ended() {
            self.state = ContainerState::Stopping;
            self.init = None;
        }
        self
    }
}

type Table = BTreeMap<ContainerRef, LiveContainer>;

/// The table, and the callbacks for changes.
pub(crate) struct Containers {
    table: Mutex<Table>,
    listener: StateChange,
    exited: Exited,
}

impl std::fmt::Debug for Containers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Containers").field(&self.table).finish()
    }
}

impl Containers {
    pub(crate) fn new(listener: StateChange, exited: Exited) -> Self {
        Self {
            table: Mutex::default(),
            listener,
            exited,
        }
    }

    /// The container as the kernel shows it now; `None` if it is stopped.
    pub(crate) fn get(&self, container: &ContainerRef) -> Option<LiveContainer> {
        self.recorded(container).map(LiveContainer::now)
    }

    /// The container in the state of the last transition, even if its init has ended since.
    pub(crate) fn recorded(&self, container: &ContainerRef) -> Option<LiveContainer> {
        self.lock().get(container).cloned()
    }

    /// All containers that are not stopped, as the kernel shows them now.
    pub(crate) fn all(&self) -> Table {
        let table = self.lock().clone();
        let now = table.into_iter().map(|(key, live)| (key, live.now()));
        now.collect()
    }

    /// Changes the state of a container, if `event` is an edge from it.
    ///
    /// *Errors*: [`Code::Internal`] if there is no such edge; then nothing changes.
    pub(crate) fn apply(&self, container: &ContainerRef, event: Event) -> Result<(), Failure> {
        let mut table = self.lock();
        let to = step(&table, container, event)?;
        let init_pid = match table.get_mut(container) {
            _ if to == ContainerState::Stopped => {
                if table.remove(container).is_none() {
                    return Ok(());
                }
                None
            }
            Some(live) if live.state == to => return Ok(()),
            Some(live) => {
                live.state = to;
                live.init_pid()
            }
            None => return Err(no_edge(container, ContainerState::Stopped, event)),
        };
        drop(table);
        self.tell(container, to, init_pid);
        Ok(())
    }

    /// A container has ended and is cleared.
    pub(crate) fn end(&self, container: &ContainerRef, exit: ExitKind) -> Result<(), Failure> {
        if self.recorded(container).is_some() {
            (self.exited)(container, exit);
        }
        self.apply(container, Event::Cleared)
    }

    /// As [`Containers::apply`], for the edges that bring new knowledge of the container.
    pub(crate) fn insert(
        &self,
        container: &ContainerRef,
        event: Event,
        live: LiveContainer,
    ) -> Result<(), Failure> {
        let mut table = self.lock();
        let state = step(&table, container, event)?;
        let init_pid = live.init_pid();
        table.insert(container.clone(), LiveContainer { state, ..live });
        drop(table);
        self.tell(container, state, init_pid);
        Ok(())
    }

    /// Remembers which settings are in the files of a running guest.
    pub(crate) fn note_guest_settings(&self, container: &ContainerRef, written: &GuestSettings) {
        if let Some(live) = self.lock().get_mut(container)
            && let Some(started) = &mut live.started_with
        {
            Arc::make_mut(started).settings.set_guest(written);
        }
    }

    /// Forgets the containers of a pool that is exported; they go on running.
    pub(crate) fn forget_pool(&self, pool: &PoolName) {
        self.lock().retain(|container, _| container.pool != *pool);
    }

    fn tell(&self, container: &ContainerRef, state: ContainerState, init_pid: Option<u32>) {
        tracing::info!(%container, %state, "container");
        (self.listener)(container, state, init_pid);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn step(table: &Table, container: &ContainerRef, event: Event) -> Result<ContainerState, Failure> {
    let from = table.get(container);
    let from = from.map_or(ContainerState::Stopped, |live| live.state);
    state::next(from, event).ok_or_else(|| no_edge(container, from, event))
}

fn no_edge(container: &ContainerRef, from: ContainerState, event: Event) -> Failure {
    let text = format!("container {container} is {from}, from where {event:?} leads nowhere");
    Failure::new(Code::Internal, text).about(format!("container {container}"))
}
