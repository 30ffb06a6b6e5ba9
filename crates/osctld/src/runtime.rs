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
//!   hooks      the socket that LXC's hooks speak to
//!   launch     from a stopped container to a running init
//!   ladder     from a running container to none of its processes
//!   scripts    the administrator's scripts
//!   watch      one thread that learns of the ends of inits
//!   record     the run record, read after a restart
//!   recover    the table after a restart
//! ```

pub(crate) mod hooks;
pub(crate) mod ladder;
pub(crate) mod launch;
pub(crate) mod place;
mod process;
pub(crate) mod ready;
mod record;
pub(crate) mod recover;
mod scripts;
mod signals;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use os_api::EventBody;
use os_types::{ContainerName, ContainerState, PoolName};

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
    /// Its init.
    pub(crate) init_pid: Option<u32>,
    /// Its LXC monitor.
    pub(crate) monitor_pid: Option<u32>,
    /// When it was started.
    pub(crate) started: Option<Timestamp>,
    /// Its control group below our parent group: a change of its configuration does not move it.
    pub(crate) cgroup: String,
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
        let slots = self.lock();
        let states = slots.iter().map(|(key, slot)| (key.clone(), slot.state));
        states.collect()
    }

    /// What is known of a container; `None` if it is stopped.
    pub(crate) fn slot(&self, key: &Key) -> Option<Slot> {
        self.lock().get(key).cloned()
    }

    /// All that are not stopped.
    pub(crate) fn slots(&self) -> BTreeMap<Key, Slot> {
        self.lock().clone()
    }

    /// Remembers what a container does now, and tells whoever watches.
    pub(crate) fn enter(&self, key: &Key, slot: Slot) {
        let (state, init_pid) = (slot.state, slot.init_pid);
        let before = self.lock().insert(key.clone(), slot);
        if before.is_none_or(|before| (before.state, before.init_pid) != (state, init_pid)) {
            self.tell(key, state, init_pid);
        }
    }

    /// Changes only the state of a container, if it is not stopped.
    pub(crate) fn turn(&self, key: &Key, state: ContainerState) {
        let slot = self.slot(key);
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
