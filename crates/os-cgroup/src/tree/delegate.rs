//! Giving a group to a user, who may then make groups below it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::Tree;
use crate::error::CgroupError;
use crate::layout::Version;
use crate::path::CgroupPath;

/// What a user must own to make groups below in version 2, on every kernel: the directory itself (no
/// name) and these files in it. *Source*: cgroups(7), "Delegation".
const DELEGATED: [&str; 4] = [
    "",
    "cgroup.procs",
    "cgroup.subtree_control",
    "cgroup.threads",
];

/// The same in version 1.
const DELEGATED_LEGACY: [&str; 3] = ["", "cgroup.procs", "tasks"];

/// What this kernel delegates in version 2 in addition, for example `memory.oom.group`; older kernels have no such
/// list. If one of these files is not writable, LXC does not use version 2: it mounts no control groups
/// in the guest, and systemd in it exits at once.
const DELEGATE: &str = "/sys/kernel/cgroup/delegate";

impl Tree {
    /// Gives an existing group to the user and group `id` in each hierarchy.
    ///
    /// # Errors
    /// [`CgroupError::File`] if the group is not there in one of the hierarchies.
    pub fn delegate(&self, path: &CgroupPath, id: u32) -> Result<(), CgroupError> {
        let listed = fs::read_to_string(DELEGATE).unwrap_or_default();
        let listed = listed.lines().filter(|name| !name.contains('/'));
        // A set, because the kernel lists most of these files too.
        let unified: BTreeSet<&str> = DELEGATED.iter().copied().chain(listed).collect();
        let legacy = BTreeSet::from(DELEGATED_LEGACY);
        let full = self.full(path);
        self.layout.hierarchies().iter().try_for_each(|hierarchy| {
            let names = match hierarchy.version {
                Version::Unified => &unified,
                Version::Legacy(_) => &legacy,
            };
            give(&full.below(&hierarchy.root), names, id)
        })
    }
}

fn give(folder: &Path, names: &BTreeSet<&str>, id: u32) -> Result<(), CgroupError> {
    let failed = |errno: Errno| CgroupError::file("delegate", folder, errno.into());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty()).map_err(failed)?;
    let (uid, gid) = (Some(Uid::from_raw(id)), Some(Gid::from_raw(id)));
    for name in names {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        match rustix::fs::chownat(&opened, *name, uid, gid, flags) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(())
}
