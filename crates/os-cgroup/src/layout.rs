//! The control group hierarchies of the host, and their mount points.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use os_sys::{MountEntry, MountTable};

use crate::controller::Controller;
use crate::error::CgroupError;

/// The usual mount point of hierarchies. A hierarchy may be mounted elsewhere in addition.
const USUAL: &str = "/sys/fs/cgroup";

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its mount point.
    pub root: PathBuf,
    /// Its version, and for version 1 its controllers.
    pub version: Version,
}

/// The version of a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Version 2; its controllers are enabled group by group.
    Unified,
    /// Version 1, with its controllers; empty for `name=systemd`.
    Legacy(BTreeSet<Controller>),
}

/// All hierarchies that osctld uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    hierarchies: Vec<Hierarchy>,
}

impl Layout {
    /// Reads the layout of this host.
    pub fn detect() -> Result<Self, CgroupError> {
        Self::from_mounts(&MountTable::read()?)
    }

    /// Finds the layout in a table of mounts.
    ///
    /// Version 1 hierarchies without a controller that osctld uses (`net_cls`) are omitted, except
    /// `name=systemd`, in which a guest's systemd looks up its own group.
    pub fn from_mounts(mounts: &MountTable) -> Result<Self, CgroupError> {
        let mut entries: Vec<&MountEntry> = mounts.iter().collect();
        entries.sort_by_key(|entry| !entry.mount_point.starts_with(USUAL));
        let mut seen = BTreeSet::new();
        let mut hierarchies = Vec::new();
        for entry in entries {
            // Both mounts of a hierarchy that is mounted twice have the same device number; it counts once.
            if let Some(version) = Version::of(entry)
                && seen.insert(&entry.device)
            {
                hierarchies.push(Hierarchy {
                    root: entry.mount_point.clone(),
                    version,
                });
            }
        }
        if hierarchies.is_empty() {
            return Err(CgroupError::NoCgroups);
        }
        // The unified hierarchy last: a process that has joined it has joined all others.
        hierarchies.sort_by_key(|hierarchy| hierarchy.version == Version::Unified);
        Ok(Self { hierarchies })
    }

    /// The hierarchies, the unified one last.
    pub fn hierarchies(&self) -> &[Hierarchy] {
        &self.hierarchies
    }

    /// Mount point of version 2.
    pub(crate) fn unified(&self) -> Option<&Path> {
        self.root_of(|version| *version == Version::Unified)
    }

    /// Mount point of a version 1 controller.
    pub(crate) fn legacy(&self, controller: Controller) -> Option<&Path> {
        self.root_of(|version| version.has_legacy(controller))
    }

    fn root_of(&self, wanted: impl Fn(&Version) -> bool) -> Option<&Path> {
        let found = self
            .hierarchies
            .iter()
            .find(|hierarchy| wanted(&hierarchy.version));
        found.map(|hierarchy| hierarchy.root.as_path())
    }

    /// The layout without version 2, to test code that hybrid hosts rarely use.
    #[cfg(test)]
    pub(crate) fn without_unified(mut self) -> Self {
        self.hierarchies
            .retain(|hierarchy| hierarchy.version != Version::Unified);
        self
    }
}

impl Version {
    fn of(entry: &MountEntry) -> Option<Self> {
        match entry.fstype.as_str() {
            "cgroup2" => Some(Self::Unified),
            "cgroup" => {
                let options = entry.super_options.iter();
                let controllers: BTreeSet<_> = options
                    .filter_map(|option| Controller::from_legacy(option))
                    .collect();
                let named = entry
                    .super_options
                    .iter()
                    .any(|option| option == "name=systemd");
                (named || !controllers.is_empty()).then_some(Self::Legacy(controllers))
            }
            _ => None,
        }
    }

    /// Whether `/proc/<pid>/cgroup` uses this name for it. *Source*: cgroups(7).
    pub(crate) fn is_called(&self, names: &str) -> bool {
        let controllers = || names.split(',').filter_map(Controller::from_legacy);
        match self {
            Self::Unified => names.is_empty(),
            Self::Legacy(known) if known.is_empty() => names == "name=systemd",
            Self::Legacy(known) => {
                !names.is_empty() && controllers().collect::<BTreeSet<_>>() == *known
            }
        }
    }

    /// Whether this is a version 1 hierarchy with the controller.
    pub(crate) fn has_legacy(&self, controller: Controller) -> bool {
        matches!(self, Self::Legacy(controllers) if controllers.contains(&controller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> Result<Layout, CgroupError> {
        Layout::from_mounts(&MountTable::parse(text.as_bytes()))
    }

    #[test]
    fn a_pure_host_has_one_hierarchy() {
        let found = layout(
            "25 1 0:24 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n\
             30 1 0:24 /x /var/lib/lxcfs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n\
             31 1 0:40 / /tmp rw - tmpfs tmpfs rw\n",
        )
        .unwrap();
        let expected = Hierarchy {
            root: "/sys/fs/cgroup".into(),
            version: Version::Unified,
        };
        assert_eq!(found.hierarchies(), [expected]);
    }

    #[test]
    fn a_hybrid_host_has_its_controllers_first() {
        let found = layout(
            "38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
             20 31 0:30 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct\n\
             32 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
             35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             36 31 0:33 / /sys/fs/cgroup/net_cls rw - cgroup cgroup rw,net_cls\n\
             37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n",
        )
        .unwrap();
        let roots: Vec<_> = found
            .hierarchies()
            .iter()
            .map(|it| it.root.to_str())
            .collect();
        let names = ["cpu,cpuacct", "memory", "systemd", "unified"];
        let expected = names.map(|name| format!("/sys/fs/cgroup/{name}"));
        assert_eq!(
            roots,
            expected
                .iter()
                .map(|root| Some(root.as_str()))
                .collect::<Vec<_>>()
        );
        assert_eq!(
            found.legacy(Controller::Cpu),
            found.legacy(Controller::CpuAcct)
        );
        assert_eq!(found.legacy(Controller::Pids), None);
    }

    #[test]
    fn a_host_without_cgroups_is_told_what_to_do() {
        let error = layout("31 1 0:40 / /tmp rw - tmpfs tmpfs rw\n").unwrap_err();
        assert!(error.to_string().contains("mount cgroup2"), "{error}");
    }
}
