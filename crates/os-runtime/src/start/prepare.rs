//! Control groups and directories, before anything runs in them.
//!
//! Every directory that the container's system user can write is directly in one of root's, so the
//! user can put nothing else in its place; and it is made, and given to the user, by its descriptor.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use os_store::atomic::{self, Attributes};
use os_types::Failure;

use crate::runtime::Runtime;
use crate::spec::ContainerSpec;

impl Runtime {
    /// Makes the container's group, and the one within it that belongs to its system user.
    pub(super) fn make_cgroups(&self, spec: &ContainerSpec) -> Result<(), Failure> {
        let delegated = spec.delegated()?;
        self.cgroups.create(&delegated)?;
        let given = self.cgroups.delegate(&delegated, spec.ugid);
        given.map_err(Failure::from)
    }
}

/// Removes the console of a container that belongs to another user by now: the new one's monitor
/// could not open the log in it.
fn forget_console(directory: &Path, ugid: u32) -> Result<(), Failure> {
    let owner = fs::symlink_metadata(directory).map(|found| found.uid());
    if owner.is_err() || owner.is_ok_and(|owner| owner == ugid) {
        return Ok(());
    }
    Ok(os_store::remove_tree(directory)?)
}

/// Makes the directories that the monitor needs.
pub(super) fn make_directories(spec: &ContainerSpec) -> Result<(), Failure> {
    let ugid = spec.ugid;
    let run = &spec.paths.run;
    let console = run.join("console");
    forget_console(&console, ugid)?;
    let passable = Attributes::mode(0o711);
    atomic::create_dir_all(&spec.paths.lxc_path, passable)?;
    let tenants = Attributes::mode(0o700).owned_by(ugid, ugid);
    for (directory, attributes) in [
        (run.clone(), passable),
        (console, tenants),
        (spec.monitor_home(), tenants),
        (spec.monitor_runtime_dir(), tenants),
        (spec.lxc_dir(), Attributes::mode(0o710).owned_by(0, ugid)),
    ] {
        atomic::create_dir(&directory, attributes)?;
    }
    Ok(())
}
