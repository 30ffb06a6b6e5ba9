//! The start of a container.

use std::path::PathBuf;

use os_types::{ContainerName, IdMap};
use serde::{Deserialize, Serialize};

/// Everything that is needed to become the monitor of a container. All paths are absolute and were
/// checked to be fit for LXC's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartJob {
    /// LXC's name of the container. Its configuration is `<lxc_path>/<id>/config`.
    pub id: ContainerName,
    /// The directory with the container's directory, `-P` of LXC's programs.
    pub lxc_path: PathBuf,
    /// `lxc-start`.
    pub lxc_program: PathBuf,
    /// Where the monitor's private file system is mounted; an empty directory on the host.
    pub stage: PathBuf,
    /// The guest's root.
    pub root: RootSource,
    /// Where LXC writes its log, `0660 root:ugid`; created if it is missing, emptied at each start. Its
    /// directory is root's alone.
    pub log: PathBuf,
    /// The program of the hooks, attached in the stage.
    pub helper: PathBuf,
    /// The system user of the container: uid, gid, and no other groups.
    pub ugid: u32,
    /// `HOME`; the user must be able to write there.
    pub home: PathBuf,
    /// `XDG_RUNTIME_DIR`, where LXC has its lock files; the user must be able to write there.
    pub runtime_dir: PathBuf,
    /// A directory with `passwd`, `group`, `subuid` and `subgid`, seen instead of those in `/etc`.
    ///
    /// For an osctld with another root than `/`: newuidmap(1) reads `/etc/subuid` only, so the monitor's
    /// view has to have the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etc: Option<PathBuf>,
    /// What of the host stays in view beside what every monitor needs: these paths, what is
    /// mounted below them, and the mounts they are on.
    #[serde(default)]
    pub keep: Vec<PathBuf>,
    /// Limits of init and all it starts.
    #[serde(default)]
    pub rlimits: Vec<Rlimit>,
    /// The command line of init.
    pub init: Vec<String>,
    /// LXC's log level is DEBUG, not NOTICE.
    #[serde(default)]
    pub debug: bool,
}

/// The guest's root as it is on the pool, and how its ids are shifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootSource {
    /// The directory `private` of the container's dataset; not a symlink.
    pub path: PathBuf,
    /// Users.
    pub uid_map: IdMap,
    /// Groups.
    pub gid_map: IdMap,
}

/// One limit. *Source*: setrlimit(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rlimit {
    /// Its name in lower case without `RLIMIT_`, e.g. `nofile`.
    pub resource: String,
    /// What applies.
    pub soft: RlimitValue,
    /// Up to where the guest may raise it.
    pub hard: RlimitValue,
}

/// The value of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RlimitValue {
    /// None.
    Unlimited,
    /// At most this.
    Limited(u64),
}
