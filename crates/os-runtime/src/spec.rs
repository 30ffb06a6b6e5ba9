//! What callers tell about a container.

use std::path::PathBuf;

use os_api::part::{PartEntry, Prlimits};
use os_api::settings::ContainerSettings;
use os_api::started_with::StartedWith;
use os_cgroup::CgroupPath;
use os_helper_api::Dress;
use os_types::container::DELEGATED_CGROUP;
use os_types::{
    Arch, Code, ContainerName, ContainerRef, DistVersion, Distribution, Failure, GroupName, IdMap,
    UserName, chain,
};

/// Everything that a start needs, from the container's configuration as it is now.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// The container.
    pub container: ContainerRef,
    /// Its user.
    pub user: UserName,
    /// Its group.
    pub group: GroupName,
    /// User and group id of its system user.
    pub ugid: u32,
    /// Home of its system user.
    pub home: PathBuf,
    /// Its user ids.
    pub uid_map: IdMap,
    /// Its group ids.
    pub gid_map: IdMap,
    /// Its control group below our parent group.
    pub cgroup: CgroupPath,
    /// Where its files are on this host.
    pub paths: ContainerPaths,
    /// Its dataset, for the environment of hook scripts.
    pub dataset: String,
    /// Its distribution.
    pub distribution: Distribution,
    /// Version of the distribution.
    pub version: DistVersion,
    /// Its architecture.
    pub arch: Arch,
    /// Its settings, with defaults filled in.
    pub settings: ContainerSettings,
    /// The limits of its processes, inherited ones included.
    pub prlimits: Vec<PartEntry<Prlimits>>,
}

/// Where the files of a container are on this host.
#[derive(Debug, Clone)]
pub struct ContainerPaths {
    /// The guest's root, with unshifted ids.
    pub root: PathBuf,
    /// LXC's log.
    pub log: PathBuf,
    /// The directory of its hook scripts.
    pub hooks: PathBuf,
    /// Its runtime directory.
    pub run: PathBuf,
    /// LXC's path (`lxc-info -P`).
    pub lxc_path: PathBuf,
}

impl ContainerSpec {
    /// The control group that belongs to the container's system user.
    pub(crate) fn delegated(&self) -> Result<CgroupPath, Failure> {
        join(&self.cgroup, DELEGATED_CGROUP)
    }

    /// What is remembered of the start.
    pub(crate) fn started_with(&self) -> StartedWith {
        let pair = |entry: &PartEntry<Prlimits>| (entry.key, entry.value);
        StartedWith {
            settings: self.settings.clone(),
            prlimits: self.prlimits.iter().map(pair).collect(),
        }
    }

    /// The directory of its LXC configuration.
    pub(crate) fn lxc_dir(&self) -> PathBuf {
        self.paths.lxc_path.join(self.container.name.as_str())
    }

    /// `HOME` of its monitor.
    pub(crate) fn monitor_home(&self) -> PathBuf {
        self.home.join(".home")
    }

    /// `XDG_RUNTIME_DIR` of its monitor.
    pub(crate) fn monitor_runtime_dir(&self) -> PathBuf {
        self.home.join(".run")
    }

    /// The files in the guest that a start writes.
    pub(crate) fn guest_config(&self) -> Dress {
        Dress {
            distribution: self.distribution.clone(),
            hostname: self.settings.hostname.clone(),
            dns_resolvers: self
                .settings
                .dns_resolvers
                .clone()
                .unwrap_or_default()
                .into(),
            restore_resolvers: false,
        }
    }
}

/// A container that is to end, or that may run.
#[derive(Debug, Clone)]
pub struct StopTarget {
    /// The container.
    pub container: ContainerRef,
    /// The control group in which its configuration says that it runs. It is stopped where it was
    /// started, which may be another one.
    pub cgroup: CgroupPath,
    /// Its runtime directory.
    pub run: PathBuf,
    /// Its configuration. Absent if that cannot be read: then no hook script is run.
    pub spec: Option<ContainerSpec>,
}

/// The control group of the guest's processes within a container's control group.
pub(crate) fn payload(cgroup: &CgroupPath, name: &ContainerName) -> Result<CgroupPath, Failure> {
    join(&join(cgroup, DELEGATED_CGROUP)?, &name.payload_cgroup())
}

fn join(path: &CgroupPath, name: &str) -> Result<CgroupPath, Failure> {
    let joined = path.join(name);
    joined.map_err(|error| Failure::new(Code::Internal, chain(&error)))
}
