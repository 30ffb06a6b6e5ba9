//! Pools as the API shows them.

use std::path::PathBuf;

use os_types::{ByteSize, DatasetName, Failure, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attrs, Health};
use crate::part::{PartEntry, Prlimits};

/// Where a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolState {
    /// It is being opened and read.
    Importing,
    /// It is in use.
    Active,
    /// It is being closed, or the host is shutting down: nothing new is started.
    Disabled,
    /// It is known to this host, but closed.
    Exported,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// The dataset that everything is kept below.
    pub dataset: DatasetName,
    /// Where it is.
    pub state: PoolState,
    /// How many users it has.
    pub users: u32,
    /// How many groups it has.
    pub groups: u32,
    /// How many containers it has.
    pub containers: u32,
    /// How many containers are started at the same time.
    pub parallel_start: u32,
    /// How many containers are stopped at the same time.
    pub parallel_stop: u32,
    /// Its directory on the host.
    pub mountpoint: PathBuf,
    /// Where it comes from, if the host remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<ByteSize>,
    /// What is used of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_bytes: Option<ByteSize>,
    /// What can still be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_bytes: Option<ByteSize>,
    /// How many entities on it are disabled: their files are damaged or were written by a later version,
    /// or others have their ids. `osctl healthcheck` names them.
    pub disabled: u32,
    /// Limits of processes that containers on it have unless they or their groups set others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prlimits: Vec<PartEntry<Prlimits>>,
    /// Whether its own configuration could be read, and that of everything on it.
    pub health: Health,
    /// What is wrong with it if not: file, line, and what to do. Of a degraded pool, what is wrong with the
    /// first entity that is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// User attributes.
    pub attrs: Attrs,
}

/// What a pool is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// An image file.
    Image,
    /// A block device.
    Device,
    /// A directory on a mounted btrfs.
    Folder,
    /// A zpool with the name of the pool, on whatever disks it is.
    Zpool,
    /// Nothing is there now.
    Missing,
    /// It does not answer: the file system that it is on hangs.
    Unreachable,
}

/// Where this host finds a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolSource {
    /// Name of the pool.
    pub pool: PoolName,
    /// The path.
    pub source: PathBuf,
    /// What is there.
    pub kind: SourceKind,
    /// True if it is imported.
    pub imported: bool,
    /// Host user ids of its users, which other users do not get while the pool is exported, either.
    ///
    /// *Shape*: one run of ids each, e.g. `1000000-1065535`, in the order of users.
    pub ids: Vec<String>,
}
