//! Commands about pools.

use os_types::{ByteSize, DatasetName, FileSystem, HostPath, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire;

/// Make a loop pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolNew {
    /// Name of the new pool.
    pub pool: PoolName,
    /// Size of the image in bytes, at least 256 MiB; it is sparse, so it takes what is written.
    #[schemars(with = "u64", range(min = wire::IMAGE_MIN, max = wire::IMAGE_MAX))]
    pub size_bytes: ByteSize,
    /// The image file to make; default: `<state folder>/images/<pool>.img`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<HostPath>,
    /// What is made in it; default: `zfs` if the kernel of the host has it, else `btrfs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<FileSystem>,
}

/// Make an existing btrfs or zpool a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolInstall {
    /// Name of the pool.
    pub pool: PoolName,
    /// An image file or block device with a btrfs, or a directory on a mounted btrfs. If it is
    /// left out, what the host knows of the pool already, or the zpool of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<HostPath>,
    /// Keep everything below this dataset of the pool instead of at its top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
}

/// Make a pool an ordinary file system again; nothing on it is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolUninstall {
    /// The pool; it must be exported.
    pub pool: PoolName,
}

/// Forget where an exported pool is, and which host ids its users have. The pool itself is not
/// touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolForget {
    /// The pool; it must be exported.
    pub pool: PoolName,
}

/// Destroy a loop pool with everything on it. Cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolDestroy {
    /// The pool; it must be exported.
    pub pool: PoolName,
}

/// Open a pool and register what is on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolImport {
    /// The pool.
    pub pool: PoolName,
    /// Where it is, if this host does not know it yet or it has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<HostPath>,
    /// Take it over from a host that did not export it.
    #[serde(default)]
    pub force: bool,
    /// Start containers with autostart.
    #[serde(default = "yes")]
    pub autostart: bool,
}

/// Unregister what is on a pool and close it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolExport {
    /// The pool.
    pub pool: PoolName,
    /// Also if containers run.
    #[serde(default)]
    pub force: bool,
    /// Stop running containers.
    #[serde(default = "yes")]
    pub stop_containers: bool,
    /// Remove the system users of the pool from this host.
    #[serde(default = "yes")]
    pub unregister_users: bool,
    /// Do nothing, successfully, if it is not imported.
    #[serde(default)]
    pub if_imported: bool,
    /// Write its documents in this schema first, for an older osctld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub schema: Option<u32>,
}

/// Read the configuration of an imported pool again, after it was repaired by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolReload {
    /// The pool.
    pub pool: PoolName,
}

/// Change settings of a pool; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolSet {
    /// The pool.
    pub pool: PoolName,
    /// How many containers are started at the same time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 1, { 1000 }>"
    )]
    #[schemars(range(min = 1, max = 1000))]
    pub parallel_start: Option<u32>,
    /// How many containers are stopped at the same time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "wire::within::<_, 1, { 1000 }>"
    )]
    #[schemars(range(min = 1, max = 1000))]
    pub parallel_stop: Option<u32>,
}

/// A setting of a pool that has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolSetting {
    /// How many containers are started at the same time; 2.
    ParallelStart,
    /// How many containers are stopped at the same time; 4.
    ParallelStop,
}

/// Return a setting of a pool to its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolUnset {
    /// The pool.
    pub pool: PoolName,
    /// Which setting.
    pub setting: PoolSetting,
}

pub(crate) const fn yes() -> bool {
    true
}
