//! Control groups and directories, before anything runs in them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use os_store::atomic::{self, Attributes, Owner};
use os_types::Failure;

use crate::failure;
use crate::runtime::Runtime;
use crate::spec::ContainerSpec;

/// What a user must own to make groups below, on every kernel: the directory itself and these files in it;
/// `tasks` is of version 1. *Source*: cgroups(7), "Delegation".
const DELEGATED: &[&str] = &[
    "",
    "cgroup.procs",
    "tasks",
    "cgroup.subtree_control",
    "cgroup.threads",
];

/// What this kernel delegates in addition, for example `memory.oom.group`; older kernels have no such
/// list. If one of these files is not writable, LXC does not use version 2: it mounts no control groups
/// in the guest, and systemd in it exits at once.
const DELEGATE: &str = "/sys/kernel/cgroup/delegate";

impl Runtime {
    /// Makes the container's group, and the one within it that belongs to its system user.
    pub(super) fn make_cgroups(&self, spec: &ContainerSpec) -> Result<(), Failure> {
        let delegated = spec.delegated()?;
        self.cgroups.create(&delegated).map_err(failure::system)?;
        let id = Some(spec.ugid);
        let listed = fs::read_to_string(DELEGATE).unwrap_or_default();
        let listed = listed.lines().filter(|name| !name.contains('/'));
        let files: Vec<&str> = DELEGATED.iter().copied().chain(listed).collect();
        for folder in self.cgroups.folders(&delegated) {
            for name in &files {
                match chown(folder.join(name), id, id) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let what = format!("delegate {}", folder.display());
                        return Err(failure::while_doing(what)(error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Removes the console of a container that belongs to another user by now: the new one's monitor
/// could not open the log in it.
fn forget_console(folder: &Path, ugid: u32) -> Result<(), Failure> {
    let owner = fs::symlink_metadata(folder).map(|found| found.uid());
    if owner.is_err() || owner.is_ok_and(|owner| owner == ugid) {
        return Ok(());
    }
    let what = format!("remove {}", folder.display());
    fs::remove_dir_all(folder).map_err(failure::while_doing(what))
}

/// Makes the directories that the monitor needs.
pub(super) fn make_directories(spec: &ContainerSpec) -> Result<(), Failure> {
    let ugid = spec.ugid;
    let run = &spec.paths.run;
    let own = |mode| Attributes {
        owner: Some(Owner {
            uid: ugid,
            gid: ugid,
        }),
        ..Attributes::mode(mode)
    };
    let folders = [
        (run.clone(), Attributes::mode(0o711)),
        (run.join("console"), own(0o700)),
        (spec.home.join(".home"), own(0o700)),
        (spec.home.join(".home/run"), own(0o700)),
        (spec.lxc_dir(), Attributes::mode(0o711)),
    ];
    forget_console(&run.join("console"), ugid)?;
    for (folder, attributes) in folders {
        let made = atomic::create_dir_all(&folder, Attributes::mode(0o711));
        made.map_err(failure::file)?;
        let shaped = fs::set_permissions(&folder, fs::Permissions::from_mode(attributes.mode));
        let owned = shaped.and_then(|()| match &attributes.owner {
            Some(owner) => chown(&folder, Some(owner.uid), Some(owner.gid)),
            None => Ok(()),
        });
        let what = format!("prepare {}", folder.display());
        owned.map_err(failure::while_doing(what))?;
    }
    Ok(())
}
