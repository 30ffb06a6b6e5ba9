//! What the runtime owns, and what can be read of it. What it does is in `start.rs`, `stop.rs` and
//! the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_cgroup::{CgroupPath, Tree};
use os_store::atomic::{self, Attributes};
use os_types::{ContainerRef, ContainerState, Failure, PoolName};

use crate::containers::{Containers, Exited, LiveContainer, StateChange};
use crate::exits::ExitQueue;
use crate::failure;
use crate::hook_socket::{self, PendingStarts};
use crate::log_watch::LogWatcher;
use crate::process::{self, Process};
use crate::programs::Programs;
use crate::reaper::ProcessReaper;
use crate::spec::{self, StopTarget};

/// Name of the hooks' socket in the runtime directory.
const HOOK_SOCKET: &str = "hook.sock";

/// Name of an empty directory in the runtime directory, over which each monitor mounts what only it sees.
const STAGE: &str = "stage";

/// Where the runtime finds things on this host.
pub struct Setup {
    /// The runtime directory, e.g. `/run/osctl`.
    pub run_dir: PathBuf,
    /// The directory of the account files, if it is not `/etc`.
    pub etc: Option<PathBuf>,
    /// Our parent control group, e.g. `osctl`.
    pub cgroup_parent: String,
    /// Told about each change of a container's state.
    pub listener: StateChange,
    /// Called when a container has ended.
    pub exited: Exited,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("run_dir", &self.run_dir)
            .finish_non_exhaustive()
    }
}

/// The live containers of this host, and everything that is needed to run them.
#[derive(Debug)]
pub struct Runtime {
    pub(crate) run_dir: PathBuf,
    pub(crate) etc: Option<PathBuf>,
    pub(crate) cgroups: Tree,
    pub(crate) containers: Containers,
    pub(crate) pending_starts: PendingStarts,
    pub(crate) reaper: ProcessReaper,
    /// `None` if the host has no inotify instance left; starts look for their init more often then.
    pub(crate) log_watcher: Option<LogWatcher>,
    exits: Arc<ExitQueue>,
    programs: Result<Programs, Failure>,
}

impl Runtime {
    /// Prepares the runtime directory and listens for LXC's hooks. A host without LXC is fine: then
    /// starting a container fails and says so.
    pub fn new(setup: Setup) -> Result<Self, Failure> {
        let Setup {
            run_dir,
            etc,
            cgroup_parent,
            listener,
            exited,
        } = setup;
        let stage = run_dir.join(STAGE);
        atomic::create_dir_all(&stage, Attributes::mode(0o711))?;
        let cgroups = Tree::detect(&cgroup_parent)?;
        let reaper = ProcessReaper::new().map_err(failure::while_doing("watch processes"))?;
        let log_watcher = LogWatcher::new()
            .inspect_err(|error| tracing::warn!(%error, "cannot watch the logs of LXC"))
            .ok();
        let programs = Programs::find(&run_dir, &reaper);
        if let Err(failure) = &programs {
            tracing::warn!(%failure, "containers cannot be started");
        }
        let pending_starts = PendingStarts::default();
        let socket = run_dir.join(HOOK_SOCKET);
        hook_socket::listen(&socket, pending_starts.clone())
            .map_err(failure::while_doing("listen for hooks of LXC"))?;
        Ok(Self {
            reaper,
            log_watcher,
            containers: Containers::new(listener, exited),
            exits: Arc::default(),
            run_dir,
            etc,
            cgroups,
            pending_starts,
            programs,
        })
    }

    /// The container as the kernel shows it now; `None` if it is stopped.
    pub fn container(&self, container: &ContainerRef) -> Option<LiveContainer> {
        let live = self.containers.get(container)?;
        Some(self.observe(container, live))
    }

    /// All containers that are not stopped, as the kernel shows them now.
    pub fn containers(&self) -> BTreeMap<ContainerRef, LiveContainer> {
        let live = self.live().into_iter();
        let observed = live.map(|(container, live)| {
            let live = self.observe(&container, live);
            (container, live)
        });
        observed.collect()
    }

    /// All containers that are not stopped. No control group is asked, so one that somebody else has frozen
    /// or thawed has its state before that.
    pub fn live(&self) -> BTreeMap<ContainerRef, LiveContainer> {
        self.containers.all()
    }

    /// The container as its freezer shows it: an administrator may have frozen or thawed it.
    fn observe(&self, container: &ContainerRef, mut live: LiveContainer) -> LiveContainer {
        if matches!(live.state, ContainerState::Running | ContainerState::Frozen) {
            let payload = spec::payload(&live.cgroup, &container.name);
            let frozen = payload.map(|payload| self.cgroups.is_frozen(&payload, &live.files));
            match frozen {
                Ok(Ok(true)) => live.state = ContainerState::Frozen,
                Ok(Ok(false)) => live.state = ContainerState::Running,
                // The state is kept if the kernel does not answer.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        live
    }

    /// The container in the state of its last transition, even if its init has ended since.
    pub fn recorded(&self, container: &ContainerRef) -> Option<LiveContainer> {
        self.containers.recorded(container)
    }

    /// Forgets the containers of a pool that is exported; they go on running.
    pub fn forget_pool(&self, pool: &PoolName) {
        self.containers.forget_pool(pool);
    }

    /// Containers whose init has ended, for the task that clears them.
    pub fn exits(&self) -> &Arc<ExitQueue> {
        &self.exits
    }

    /// The control groups of this host.
    pub fn cgroups(&self) -> &Tree {
        &self.cgroups
    }

    /// The processes in a control group that were killed and that the kernel holds, for people.
    pub fn held(&self, cgroup: &CgroupPath) -> Option<String> {
        let pids = self.cgroups.procs(cgroup).unwrap_or_default();
        process::blocked(pids.into_iter().filter(|pid| process::is_killed(*pid)))
    }

    /// Whether the container runs its program now, so that a start has nothing to do.
    pub fn is_up(&self, container: &ContainerRef) -> Result<bool, Failure> {
        let Some(live) = self.container(container) else {
            return Ok(false);
        };
        match live.state {
            ContainerState::Running | ContainerState::Freezing | ContainerState::Frozen => {
                let payload = spec::payload(&live.cgroup, &container.name)?;
                self.cgroups.is_populated(&payload).map_err(Failure::from)
            }
            _ => Ok(false),
        }
    }

    /// Whether nothing is left of the container that a stop would have to remove.
    pub fn is_gone(&self, target: &StopTarget) -> Result<bool, Failure> {
        let populated = || self.cgroups.is_populated(&target.cgroup);
        Ok(self.recorded(&target.container).is_none()
            && self.cgroups.presence(&target.cgroup) == os_cgroup::Presence::Absent
            && !populated()?)
    }

    /// LXC and `os-helper`.
    ///
    /// *Errors*: why this host cannot start containers.
    pub(crate) fn programs(&self) -> Result<&Programs, Failure> {
        self.programs.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn stage(&self) -> PathBuf {
        self.run_dir.join(STAGE)
    }

    pub(crate) fn hook_socket(&self) -> PathBuf {
        self.run_dir.join(HOOK_SOCKET)
    }

    /// The control group in which the container runs, or would.
    pub(crate) fn cgroup_of(&self, target: &StopTarget) -> CgroupPath {
        let live = self.recorded(&target.container);
        live.map_or_else(|| target.cgroup.clone(), |live| live.cgroup)
    }

    /// Queues the container once a process, its init or its only command, has ended.
    pub(crate) fn watch(&self, container: &ContainerRef, process: &Process) {
        let (exits, container) = (Arc::clone(&self.exits), container.clone());
        self.reaper
            .process(Arc::clone(process.pidfd()), move || exits.push(container));
    }

    pub(crate) fn run_dir(&self) -> &Path {
        &self.run_dir
    }
}
