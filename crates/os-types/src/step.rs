//! Changes as data: a plan is a list of steps, a step is a move between two states of one object.
//!
//! Each step names its object and both ends of the move, so that it can be
//!
//! - *repeated*: a host that is at the far end already answers "unchanged";
//! - *checked*: a host that is at neither end answers "conflict" and touches nothing;
//! - *inverted*: the inverse is the same step with the ends swapped. A step that destroys something
//!   for good has no inverse.
//!
//! Steps are written to journals and history; a variant, once released, keeps its meaning (ADR-4).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerName, StartPolicy, StopPolicy};
use crate::dataset::{DatasetName, SnapshotName};
use crate::file_system::FileSystem;
use crate::id_map::IdMap;
use crate::image::ImageDigest;
use crate::names::{IdRangeName, PoolName, UserName};
use crate::pool_path::PoolPath;
use crate::size::ByteSize;

pub use self::guest::GuestSettings;

/// The far end of a step about a thing that is there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It is to be there.
    Present,
    /// It is to be gone.
    Absent,
}

impl Presence {
    /// The other end.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Present => Self::Absent,
            Self::Absent => Self::Present,
        }
    }
}

/// One typed, idempotent change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// A folder of ours on a pool, root's alone. Removed only if empty.
    Directory {
        /// Which folder.
        path: PoolPath,
        /// Its permissions, e.g. `0o500`.
        mode: u32,
        /// The far end.
        to: Presence,
    },
    /// A file of ours on a pool, mode 0400, replaced as a whole. `None` stands for "no such file".
    File {
        /// Which file.
        path: PoolPath,
        /// Its whole text before.
        before: Option<String>,
        /// Its whole text after.
        after: Option<String>,
    },
    /// A dataset. It is made empty; one that holds data is not destroyed by this step.
    Dataset {
        /// Its name.
        dataset: DatasetName,
        /// The far end.
        to: Presence,
    },
    /// A dataset under one name or another. Its data stays as it is: what is deleted is renamed into
    /// the trash first.
    DatasetName {
        /// Its name before.
        before: DatasetName,
        /// Its name after.
        after: DatasetName,
    },
    /// A dataset of the trash or of the image cache is destroyed, with everything in it. Without an
    /// inverse.
    Purge {
        /// The dataset.
        dataset: DatasetName,
    },
    /// A dataset that begins as a clone of a snapshot. One that differs from it is not destroyed by
    /// this step.
    Clone {
        /// The snapshot.
        origin: SnapshotName,
        /// The clone.
        dataset: DatasetName,
        /// The far end.
        to: Presence,
    },
    /// The root of an image in the cache of a pool: dataset `image/<digest>`, unpacked by a child
    /// without rights, with the snapshot that containers are cloned from.
    Image {
        /// The pool.
        pool: PoolName,
        /// Digest of the image.
        digest: ImageDigest,
        /// The archive.
        file: PathBuf,
        /// The ids that the unpacking child has.
        uid_map: IdMap,
        /// The group ids that the unpacking child has.
        gid_map: IdMap,
        /// The far end. The absent one may be gone to only while no container is cloned from it.
        to: Presence,
    },
    /// A user property of a dataset, e.g. `org.vpsadminos.osctl:active`.
    Property {
        /// The dataset.
        dataset: DatasetName,
        /// The name of the property.
        name: String,
        /// Its value before.
        before: Option<String>,
        /// Its value after.
        after: Option<String>,
    },
    /// Blocks of an id range. Relative to the rest of the table, so that one allocation can be
    /// undone after others were made.
    IdBlocks {
        /// The pool.
        pool: PoolName,
        /// The range.
        range: IdRangeName,
        /// First block.
        index: u32,
        /// Number of blocks.
        count: u32,
        /// Who has them.
        owner: Option<String>,
        /// The far end.
        to: Presence,
    },
    /// The account of a user on this host: passwd, group, subuid and subgid lines, home folder.
    SystemUser {
        /// The pool.
        pool: PoolName,
        /// The user.
        user: UserName,
        /// The far end.
        to: Presence,
    },
    /// A control group of ours, with the ends of its path below our parent group.
    Cgroup {
        /// Path below our parent group, e.g. `pool.tank/group.default`.
        path: String,
        /// The far end.
        to: Presence,
    },
    /// A process in a control group of its own. Its absence means: every process of the group was
    /// killed and the group removed.
    Process {
        /// Its control group, as in [`Step::Cgroup`].
        cgroup: String,
        /// Absolute path of the program and its arguments.
        argv: Vec<String>,
        /// The far end.
        to: Presence,
    },
    /// A container that runs or does not.
    Run {
        /// The pool.
        pool: PoolName,
        /// The container.
        container: ContainerName,
        /// How it is started at the present end.
        #[serde(default)]
        start: StartPolicy,
        /// How it is stopped at the absent end.
        stop: StopPolicy,
        /// The far end.
        to: Presence,
    },
    /// A running container that is frozen or not.
    Freeze {
        /// The pool.
        pool: PoolName,
        /// The container.
        container: ContainerName,
        /// The far end: present is frozen.
        to: Presence,
    },
    /// The name and the resolvers of a container as its guest has them in its files, and in its
    /// kernel if it runs. The files are the guest's: what it does not let be written is no failure,
    /// for all of it is written again at each start.
    Guest {
        /// The pool.
        pool: PoolName,
        /// The container.
        container: ContainerName,
        /// The settings before.
        before: GuestSettings,
        /// The settings after. A name that is unset is the container's id again; resolvers that are
        /// unset stay as they are.
        after: GuestSettings,
    },
    /// The image file of a loop pool: sparse, with an empty file system.
    PoolImage {
        /// The pool.
        pool: PoolName,
        /// The file.
        file: PathBuf,
        /// Its size.
        size: ByteSize,
        /// What a new one gets; btrfs if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_system: Option<FileSystem>,
        /// The far end. Destroying an image has no inverse.
        to: Presence,
    },
    /// Where this host finds a pool: an image file, a block device, or a folder of a btrfs.
    PoolSource {
        /// The pool.
        pool: PoolName,
        /// The path before.
        before: Option<PathBuf>,
        /// The path after.
        after: Option<PathBuf>,
    },
    /// The pool is attached and mounted at its place. Refused if another host has it.
    PoolOpen {
        /// The pool.
        pool: PoolName,
        /// Take it over from a host that did not export it.
        force: bool,
        /// Refuse a file system that is not installed as a pool.
        installed: bool,
        /// The far end.
        to: Presence,
    },
    /// The mark of this host on an open pool, which keeps other hosts from opening it.
    PoolMark {
        /// The pool.
        pool: PoolName,
        /// The far end.
        to: Presence,
    },
    /// An open pool is in use: missing folders are made, its journal is settled, its configuration
    /// loaded, its users registered.
    PoolActive {
        /// The pool.
        pool: PoolName,
        /// At the absent end, leave the accounts of its users on the host.
        keep_users: bool,
        /// The far end.
        to: Presence,
    },
    /// The configuration of a pool in use is read again from its files. Its own inverse.
    PoolReload {
        /// The pool.
        pool: PoolName,
    },
    /// Our block in the account files is written anew from what is registered. Its own inverse.
    AccountFiles {},
}

/// What a step changes, which decides where it is journaled and whether another boot replays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Data on a pool or on a disk of the host.
    Durable,
    /// What only runs: it is made anew from durable data when a pool is imported.
    Run,
}

impl Step {
    /// The step back, `None` if something was destroyed for good.
    pub fn inverse(&self) -> Option<Self> {
        let mut back = self.clone();
        match &mut back {
            Self::Dataset {
                to: Presence::Absent,
                ..
            }
            | Self::PoolImage {
                to: Presence::Absent,
                ..
            }
            | Self::Purge { .. } => return None,
            Self::File { before, after, .. } | Self::Property { before, after, .. } => {
                std::mem::swap(before, after);
            }
            Self::PoolSource { before, after, .. } => std::mem::swap(before, after),
            Self::DatasetName { before, after } => std::mem::swap(before, after),
            Self::Guest { before, after, .. } => std::mem::swap(before, after),
            Self::Directory { to, .. }
            | Self::Dataset { to, .. }
            | Self::Clone { to, .. }
            | Self::Image { to, .. }
            | Self::Run { to, .. }
            | Self::Freeze { to, .. }
            | Self::IdBlocks { to, .. }
            | Self::SystemUser { to, .. }
            | Self::Cgroup { to, .. }
            | Self::Process { to, .. }
            | Self::PoolImage { to, .. }
            | Self::PoolOpen { to, .. }
            | Self::PoolMark { to, .. }
            | Self::PoolActive { to, .. } => *to = to.inverse(),
            Self::PoolReload { .. } | Self::AccountFiles {} => {}
        }
        Some(back)
    }

    /// The step that takes it back long after: as [`Step::inverse`], but `None` also for what may
    /// hold somebody's data by now. An image stays in the cache: its step is its own undo.
    pub fn undo(&self) -> Option<Self> {
        match self {
            Self::Dataset { .. } | Self::Clone { .. } | Self::PoolImage { .. } => None,
            Self::Image { .. } => Some(self.clone()),
            other => other.inverse(),
        }
    }

    /// Whether it changes durable data or only what runs.
    pub fn durability(&self) -> Durability {
        match self {
            Self::Directory { .. }
            | Self::File { .. }
            | Self::Dataset { .. }
            | Self::DatasetName { .. }
            | Self::Purge { .. }
            | Self::Clone { .. }
            | Self::Image { .. }
            | Self::Property { .. }
            | Self::IdBlocks { .. }
            | Self::Guest { .. }
            | Self::PoolImage { .. }
            | Self::PoolSource { .. }
            | Self::PoolMark { .. } => Durability::Durable,
            Self::SystemUser { .. }
            | Self::Cgroup { .. }
            | Self::Process { .. }
            | Self::Run { .. }
            | Self::Freeze { .. }
            | Self::PoolOpen { .. }
            | Self::PoolActive { .. }
            | Self::PoolReload { .. }
            | Self::AccountFiles {} => Durability::Run,
        }
    }

    /// The name of its kind, as in its serialised form, e.g. `system-user`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "directory",
            Self::File { .. } => "file",
            Self::Dataset { .. } => "dataset",
            Self::DatasetName { .. } => "dataset-name",
            Self::Purge { .. } => "purge",
            Self::Clone { .. } => "clone",
            Self::Image { .. } => "image",
            Self::Property { .. } => "property",
            Self::IdBlocks { .. } => "id-blocks",
            Self::SystemUser { .. } => "system-user",
            Self::Cgroup { .. } => "cgroup",
            Self::Process { .. } => "process",
            Self::Run { .. } => "run",
            Self::Freeze { .. } => "freeze",
            Self::Guest { .. } => "guest",
            Self::PoolImage { .. } => "pool-image",
            Self::PoolSource { .. } => "pool-source",
            Self::PoolOpen { .. } => "pool-open",
            Self::PoolMark { .. } => "pool-mark",
            Self::PoolActive { .. } => "pool-active",
            Self::PoolReload { .. } => "pool-reload",
            Self::AccountFiles {} => "account-files",
        }
    }
}

mod display;
mod guest;
#[cfg(test)]
mod tests;
