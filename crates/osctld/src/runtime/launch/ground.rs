//! Control groups and folders, before anything runs in them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use os_store::atomic::{self, Attributes, Owner};
use os_types::{Code, Failure, chain};

use super::Means;
use crate::host::fail;
use crate::runtime::Place;

/// What a user has to own to make groups below, on every kernel: the folder itself, and these in it; `tasks` is
/// version 1's. *Source*: cgroups(7), "Delegation".
const DELEGATED: &[&str] = &[
    "",
    "cgroup.procs",
    "tasks",
    "cgroup.subtree_control",
    "cgroup.threads",
];

/// What else this kernel gives away with a group, `memory.oom.group` for one; older kernels have no such
/// list. If one of them is not writable, LXC leaves version 2 alone: it mounts no control groups in the
/// guest, and a systemd there ends at once.
const DELEGATE: &str = "/sys/kernel/cgroup/delegate";

/// The container's group and the one within it that LXC may fill.
pub(super) fn make_cgroups(place: &Place, means: &Means<'_>) -> Result<(), Failure> {
    let delegated = place.delegated()?;
    let failed = |error: os_cgroup::CgroupError| Failure::new(Code::Step, chain(&error));
    means.cgroups.create(&delegated).map_err(failed)?;
    let id = Some(place.account.ugid);
    let listed = fs::read_to_string(DELEGATE).unwrap_or_default();
    let listed = listed.lines().filter(|name| !name.contains('/'));
    let files: Vec<&str> = DELEGATED.iter().copied().chain(listed).collect();
    for folder in means.cgroups.folders(&delegated) {
        for name in &files {
            match chown(folder.join(name), id, id) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let text = format!("cannot give away {}: {error}", folder.display());
                    return Err(Failure::new(Code::Step, text));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Removes the console of a container that belongs to another user by now: the new one's monitor
/// could not open the log in it.
fn forget_console(folder: &Path, ugid: u32) -> Result<(), Failure> {
    let owner = fs::symlink_metadata(folder).map(|found| found.uid());
    if owner.is_err() || owner.is_ok_and(|owner| owner == ugid) {
        return Ok(());
    }
    // Follows no link in it, whoever may have put one there.
    let removed = fs::remove_dir_all(folder);
    removed.map_err(|error| {
        Failure::new(
            Code::Step,
            format!("cannot remove {}: {error}", folder.display()),
        )
    })
}

/// The folders that the monitor needs.
pub(super) fn make_folders(place: &Place) -> Result<(), Failure> {
    let ugid = place.account.ugid;
    let own = |mode| Attributes {
        owner: Some(Owner {
            uid: ugid,
            gid: ugid,
        }),
        ..Attributes::mode(mode)
    };
    let folders = [
        (place.run.clone(), Attributes::mode(0o711)),
        (place.run.join("console"), own(0o700)),
        (place.account.home.join(".home"), own(0o700)),
        (place.account.home.join(".home/run"), own(0o700)),
        (
            place.lxc_path.join(place.name.as_str()),
            Attributes::mode(0o711),
        ),
    ];
    forget_console(&place.run.join("console"), ugid)?;
    for (folder, attributes) in folders {
        let made = atomic::create_dir_all(&folder, Attributes::mode(0o711));
        made.map_err(|error| fail::file(&error))?;
        let shaped = fs::set_permissions(&folder, fs::Permissions::from_mode(attributes.mode));
        let owned = shaped.and_then(|()| match &attributes.owner {
            Some(owner) => chown(&folder, Some(owner.uid), Some(owner.gid)),
            None => Ok(()),
        });
        owned.map_err(|error| {
            Failure::new(
                Code::Step,
                format!("cannot prepare {}: {error}", folder.display()),
            )
        })?;
    }
    Ok(())
}
