//! What runs: a table of containers that are not stopped, kept in step with the kernel.
//!
//! The kernel is the truth: a container runs if its payload group has processes, and its end is the
//! end of its init's pidfd. The table only remembers, so that a listing costs nothing. It is filled
//! by whoever starts a container, emptied by whoever has seen it gone, and made anew from control
//! groups and run records when a pool is imported.
//!
//! ```text
//!   place      where everything of one container is            pure
//!   process    facts of a process from /proc
//!   enter      commands that come into a running guest
//!   hooks      the socket that LXC's hooks speak to
//!   guest      what is written inside a guest, by os-helper
//!   launch     from a stopped container to a running init
//!   ladder     from a running container to none of its processes
//!   scripts    the administrator's scripts
//!   seccomp    the seccomp policy that a guest was started with
//!   watch      one thread that learns of the ends of inits
//!   record     the run record, read after a restart
//!   recover    the table after a restart
//! ```

pub(crate) mod enter;
pub(crate) mod guest;
pub(crate) mod hooks;
pub(crate) mod ladder;
pub(crate) mod launch;
pub(crate) mod place;
mod process;
pub(crate) mod ready;
mod record;
pub(crate) mod recover;
mod scripts;
mod seccomp;
mod signals;
pub(crate) mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use os_api::EventBody;
use os_sys::PidFd;
use os_types::{ContainerName, ContainerState, PoolName, StartInit};

use crate::news::News;
use hooks::Expected;
use watch::Watch;

pub(crate) use place::Place;

/// Start time of a process, as `/proc` has it.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    process::stat(pid).map(|stat| stat.start_time)
}

/// Which container.
pub(crate) type Key = (PoolName, ContainerName);

/// What is known of a container that is not stopped.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// What it does.
    pub(crate) state: ContainerState,
    /// Its init; none while it is starting, and of one that ended while no daemon was there.
    pub(crate) init: Option<Arc<PidFd>>,
    /// What kind of init that is.
    pub(crate) kind: StartInit,
    /// Its LXC monitor.
    pub(crate) monitor_pid: Option<u32>,
    /// When it was started.
    pub(crate) started: Option<Timestamp>,
    /// Its control group below our parent group: a change of its configuration does not move it.
    pub(crate) cgroup: String,
    /// The seccomp policy of its own that it was started with.
    pub(crate) seccomp: Option<Arc<str>>,
}

impl Slot {
    /// The number of its init.
    pub(crate) fn init_pid(&self) -> Option<u32> {
        self.init.as_ref().map(|init| init.pid())
    }

    /// Whether its init was there and has ended, as the kernel says.
    pub(crate) fn has_ended(&self) -> bool {
        match &self.init {
            Some(init) => init.wait_exit(Duration::ZERO).unwrap_or(false),
            None => self.state != ContainerState::Starting,
        }
    }

    /// As it is now: one whose init has ended is not running, though nobody has put it away yet.
    fn now(mut self) -> Self {
        if self.has_ended() {
            self.state = ContainerState::Stopping;
        }
        self
    }
}

/// The table, and those who keep it.
#[derive(Debug)]
pub(crate) struct Runtime {
    slots: Mutex<BTreeMap<Key, Slot>>,
    pub(crate) expected: Expected,
    pub(crate) watch: Watch,
    news: News,
}

impl Runtime {
    pub(crate) fn new(news: News) -> std::io::Result<Self> {
        Ok(Self {
            slots: Mutex::default(),
            expected: Expected::default(),
            watch: Watch::new()?,
            news,
        })
    }

    /// What all containers do that are not stopped.
    pub(crate) fn states(&self) -> BTreeMap<Key, ContainerState> {
        let slots = self.slots().into_iter();
        slots.map(|(key, slot)| (key, slot.state)).collect()
    }

    /// Containers that run only for one command that came in from outside.
    pub(crate) fn visited(&self) -> BTreeSet<Key> {
        let slots = self.lock();
        let visited = slots
            .iter()
            .filter(|(_, slot)| slot.kind == StartInit::Idle);
        visited.map(|(key, _)| key.clone()).collect()
    }

    /// What is known of a container; `None` if it is stopped.
    pub(crate) fn slot(&self, key: &Key) -> Option<Slot> {
        self.recorded(key).map(Slot::now)
    }

    /// As [`Runtime::slot`], but with the state it was brought into, even if its init has ended since.
    pub(crate) fn recorded(&self, key: &Key) -> Option<Slot> {
        self.lock().get(key).cloned()
    }

    /// All that are not stopped.
    pub(crate) fn slots(&self) -> BTreeMap<Key, Slot> {
        let slots = self.lock().clone();
        let now = slots.into_iter().map(|(key, slot)| (key, slot.now()));
        now.collect()
    }

    /// Remembers what a container does now, and tells whoever watches.
    pub(crate) fn enter(&self, key: &Key, slot: Slot) {
        let (state, init_pid) = (slot.state, slot.init_pid());
        let before = self.lock().insert(key.clone(), slot);
        if before.is_none_or(|before| (before.state, before.init_pid()) != (state, init_pid)) {
            self.tell(key, state, init_pid);
        }
    }

    /// Changes only the state of a container, if it is not stopped.
    pub(crate) fn turn(&self, key: &Key, state: ContainerState) {
        let slot = self.recorded(key);
        if let Some(slot) = slot {
            self.enter(key, Slot { state, ..slot });
        }
    }

    /// The container is stopped.
    pub(crate) fn leave(&self, key: &Key) {
        if self.lock().remove(key).is_some() {
            self.tell(key, ContainerState::Stopped, None);
        }
    }

    /// Forgets the containers of a pool, which go on running.
    pub(crate) fn forget_pool(&self, pool: &PoolName) {
        self.lock().retain(|(on, _), _| on != pool);
    }

    fn tell(&self, key: &Key, state: ContainerState, init_pid: Option<u32>) {
        let (pool, name) = key;
        tracing::info!(container = %format_args!("{pool}:{name}"), %state, "container");
        self.news.tell(EventBody::Container {
            pool: pool.clone(),
            name: name.clone(),
            state,
            init_pid,
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
