//! What a plan has to know of the host; found out by whoever asks for the plan.

mod foreign;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use foreign::{ForeignIds, ForeignSpan};
use os_api::view::SourceKind;
use os_types::{ByteSize, PoolName, UserName};

use crate::accounts::{Account, Accounts};
use crate::layout;

/// The host, as far as plans, views and assets depend on it.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Name of the host, for people.
    pub hostname: String,
    /// Where pools are mounted: `<root>/<pool>`.
    pub root: PathBuf,
    /// The run folder, e.g. `/run/osctl`.
    pub run_dir: PathBuf,
    /// The folder for what this host remembers, e.g. `/var/lib/osctl`.
    pub state_dir: PathBuf,
    /// The folder of passwd, group, subuid and subgid, e.g. `/etc`.
    pub etc_dir: PathBuf,
    /// Our parent control group, e.g. `osctl`.
    pub cgroup_parent: String,
    /// Our system users: what our blocks in the account files say.
    pub accounts: Accounts,
    /// What those files say outside our blocks.
    pub foreign: Arc<ForeignIds>,
    /// The pools this host knows, imported or not.
    pub sources: BTreeMap<PoolName, KnownSource>,
    /// Names in `root` that no pool may be mounted over: folders that are not empty, and anything
    /// else. Mountpoints of imported pools may be in it or not.
    pub taken_names: BTreeSet<String>,
}

/// Where the host finds a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    /// The path.
    pub path: PathBuf,
    /// What is there.
    pub kind: SourceKind,
    /// Its size if it is an image, else 0.
    pub size: ByteSize,
}

impl Facts {
    /// Whether something of the host is where the pool would be mounted.
    pub fn mountpoint_taken(&self, pool: &PoolName) -> bool {
        self.taken_names.contains(pool.as_str())
    }

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
        self.accounts.get(&format!("{pool}-{user}"))
    }

    /// The file `name` of the host's account files.
    pub fn etc(&self, name: &str) -> PathBuf {
        Path::new(&self.etc_dir).join(name)
    }
}
