//! Containers as the API shows them.

use std::path::PathBuf;

use os_types::image::{Arch, DistVersion, Distribution, ImageDigest, Variant, Vendor};
use os_types::{
    ContainerName, ContainerState, DatasetName, Failure, GroupName, IdMapEntry, PoolName, UserName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attrs, Figures, Health};
use crate::part::{PartEntry, Prlimits};
use crate::settings::ContainerSettings;

/// A container. What its file says is missing while the file cannot be read, and what a brief
/// question leaves out is missing too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// Its pool.
    pub pool: PoolName,
    /// Its id.
    pub name: ContainerName,
    /// What the kernel says it is doing.
    pub state: ContainerState,
    /// Process id of its init, on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_pid: Option<u32>,
    /// Process id of its LXC monitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor_pid: Option<u32>,
    /// When it was started, if it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub started: Option<jiff::Timestamp>,
    /// Host name that the running guest has at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname_readout: Option<String>,
    /// Its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The dataset of its root.
    pub dataset: DatasetName,
    /// The root as it is on the pool, unshifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rootfs: Option<PathBuf>,
    /// LXC's path (`lxc-info -P`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lxc_path: Option<PathBuf>,
    /// Its directory below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lxc_dir: Option<PathBuf>,
    /// Its control group from the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_path: Option<String>,
    /// Its log file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_file: Option<PathBuf>,
    /// Its distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Version of the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<DistVersion>,
    /// Its architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<Arch>,
    /// Vendor of the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Vendor>,
    /// Variant of the distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// The image it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageDigest>,
    /// Its settings, with defaults filled in.
    #[serde(flatten)]
    pub settings: ContainerSettings,
    /// Its limits of processes, inherited ones included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prlimits: Vec<PartEntry<Prlimits>>,
    /// The settings and parts, e.g. `nesting` and `prlimits.nofile`, that it has only after its next
    /// start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// Map of user ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uid_map: Vec<IdMapEntry>,
    /// Map of group ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gid_map: Vec<IdMapEntry>,
    /// What it uses.
    #[serde(flatten)]
    pub figures: Figures,
    /// Whether it can be used.
    pub health: Health,
    /// What is wrong with it if it cannot: file, line, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// User attributes.
    pub attrs: Attrs,
}

impl Container {
    /// The members that are missing if the question was brief.
    pub const DETAILS: [&str; 10] = [
        "hostname_readout",
        "rootfs",
        "lxc_path",
        "lxc_dir",
        "group_path",
        "log_file",
        "prlimits",
        "pending",
        "uid_map",
        "gid_map",
    ];
}

/// Whether a running guest is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyState {
    /// It is up.
    Ready,
    /// It is still coming up.
    NotYet,
    /// It does not run.
    Stopped,
}

/// Whether a guest is up, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// Whether it is up.
    pub state: ReadyState,
    /// How that is known, e.g. `systemd says degraded (1 failed unit: foo.service)`.
    pub by: String,
}

/// The configuration file of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerConfig {
    /// Its whole text.
    pub text: String,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerLog {
    /// The file.
    pub path: PathBuf,
    /// Its last part, at most 1 MiB; what is not UTF-8 is replaced.
    pub text: String,
    /// Whether something was left out at the beginning.
    pub cut: bool,
}
