//! Facts about the host that planners need; collected by the caller of the planner.

mod foreign;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use foreign::{ForeignIds, ForeignSpan};
use os_api::started_with::StartedWith;
use os_api::view::SourceKind;
use os_types::image::{Arch, ImageDigest, ImageInfo};
use os_types::{
    ByteSize, ContainerName, ContainerRef, ContainerState, DatasetName, Failure, IdSpan, PoolName,
    UserName,
};

use crate::accounts::{Account, Accounts};
use crate::claim::Holder;
use crate::layout;

/// The host, as far as views depend on it. All of it is in the daemon's memory, so that a listing
/// waits for no file and no guest.
#[derive(Debug, Clone, Default)]
pub struct ViewFacts {
    /// Where pools are mounted: `<root>/<pool>`.
    pub root: PathBuf,
    /// The runtime directory, e.g. `/run/osctl`.
    pub run_dir: PathBuf,
    /// The directory for what this host remembers, e.g. `/var/lib/osctl`.
    pub state_dir: PathBuf,
    /// The directory of passwd, group, subuid and subgid, e.g. `/etc`.
    pub etc_dir: PathBuf,
    /// Our parent control group, e.g. `osctl`.
    pub cgroup_parent: String,
    /// Our system users: what our blocks in the account files say.
    pub accounts: Arc<Accounts>,
}

/// A container that is not stopped, as the kernel shows it.
#[derive(Debug, Clone)]
pub struct Running {
    /// What it does.
    pub state: ContainerState,
    /// Whether it runs only for one command that came in from outside.
    pub exec_only: bool,
    /// Its init.
    pub init_pid: Option<u32>,
    /// Its LXC monitor.
    pub monitor_pid: Option<u32>,
    /// Since when it runs.
    pub started: Option<jiff::Timestamp>,
    /// What it was started with. Absent if that is not known.
    pub started_with: Option<Arc<StartedWith>>,
}

/// The host, as far as plans and assets depend on it. Reading it touches no pool and no source of a
/// pool, which may hang; only [`StorageFacts`] do, for the commands that need them.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What views need, too.
    pub view: ViewFacts,
    /// The containers that are not stopped.
    pub running: BTreeMap<ContainerRef, Running>,
    /// What the account files say outside our blocks.
    pub foreign: Arc<ForeignIds>,
    /// What is wrong with the markers around our lines in those files: file, line and reason.
    pub account_damage: Arc<Vec<String>>,
    /// Why the file of remembered ids does not hold what it should.
    pub ids_failure: Option<Failure>,
    /// The pools this host knows, imported or not.
    pub sources: BTreeMap<PoolName, KnownSource>,
    /// The control device of ZFS, if this host has it: as a source it stands for the zpool that has
    /// the name of the pool.
    pub zfs: Option<PathBuf>,
    /// The name of the pool that a command is about, if something of the host is where it would be
    /// mounted: a directory that is not empty, or anything else.
    pub taken_names: BTreeSet<String>,
    /// The host ids of the containers that run, as the kernel has them.
    pub running_ids: Vec<RunningIds>,
    /// For a command that sets a limit of processes: the highest hard limit that osctld can set;
    /// `None`: any.
    pub highest_limit: Option<u64>,
    /// What is known of images and datasets, for the commands that need it.
    pub storage: StorageFacts,
}

/// What a plan about roots has to know of the storage. Empty for all other commands.
#[derive(Debug, Clone, Default)]
pub struct StorageFacts {
    /// The image that is asked for, or why there is none.
    pub image: Option<Result<ImageFact, Failure>>,
    /// Architecture of the host.
    pub arch: Option<Arch>,
    /// Images in the cache of the pool, and whether containers are cloned from them.
    pub cached: BTreeMap<ImageDigest, bool>,
    /// Datasets of the pool that may be in the way, and those in its trash.
    pub datasets: BTreeSet<DatasetName>,
    /// Whether the directory of the container's scripts has something in it: then it goes to the trash.
    pub has_hooks: bool,
    /// Processes of the host that keep the pool of an export from being closed, e.g. `sh
    /// (4242): working directory /tank/ct`.
    pub holders: Vec<String>,
    /// Whether the container has been started, so that there is a log of it.
    pub has_log: bool,
    /// Something that no name of a dataset in the trash has: `<unix time>.<6 hex digits>`.
    pub unique: String,
}

/// The host ids of a container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningIds {
    /// Its pool.
    pub pool: PoolName,
    /// Its id.
    pub container: ContainerName,
    /// The user that it was started with.
    pub user: UserName,
    /// User ids.
    pub uids: Vec<IdSpan>,
    /// Group ids.
    pub gids: Vec<IdSpan>,
}

impl RunningIds {
    /// The container as the holder of these ids.
    pub fn holder(&self) -> Holder {
        Holder::Running {
            pool: self.pool.clone(),
            container: self.container.clone(),
            user: self.user.clone(),
        }
    }
}

/// An image that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFact {
    /// The archive.
    pub file: PathBuf,
    /// What it is.
    pub info: ImageInfo,
}

/// Where the host finds a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    /// The path.
    pub path: PathBuf,
    /// What is there; [`SourceKind::Unreachable`] unless the command needs it, because looking at a
    /// source may hang.
    pub kind: SourceKind,
    /// Its size if it is an image that was looked at, else 0.
    pub size: ByteSize,
}

impl Deref for Facts {
    type Target = ViewFacts;

    fn deref(&self) -> &ViewFacts {
        &self.view
    }
}

impl Facts {
    /// Whether something of the host is where the pool would be mounted.
    pub fn mountpoint_taken(&self, pool: &PoolName) -> bool {
        self.taken_names.contains(pool.as_str())
    }

    /// What a container does.
    pub fn container_state(&self, pool: &PoolName, name: &ContainerName) -> ContainerState {
        let running = self.running.get(&ContainerRef::new(pool, name));
        running.map_or(ContainerState::Stopped, |running| running.state)
    }

    /// Whether a container runs only for one command that came in from outside.
    pub fn is_exec_only(&self, pool: &PoolName, name: &ContainerName) -> bool {
        let running = self.running.get(&ContainerRef::new(pool, name));
        running.is_some_and(|running| running.exec_only)
    }
}

impl ViewFacts {
    /// Where the pool is mounted.
    pub fn mountpoint(&self, pool: &PoolName) -> PathBuf {
        self.root.join(pool.as_str())
    }

    /// Where the image of a new pool goes if nothing else is said.
    pub fn default_image(&self, pool: &PoolName) -> PathBuf {
        self.state_dir.join("images").join(format!("{pool}.img"))
    }

    /// The home of a user's system user.
    pub fn home(&self, pool: &PoolName, user: &UserName) -> PathBuf {
        layout::home(&self.run_dir, pool, user)
    }

    /// The system user of a user, if it is registered.
    pub fn account(&self, pool: &PoolName, user: &UserName) -> Option<&Account> {
        self.accounts.get(&self.home(pool, user))
    }

    /// The file `name` of the host's account files.
    pub fn etc(&self, name: &str) -> PathBuf {
        Path::new(&self.etc_dir).join(name)
    }
}
