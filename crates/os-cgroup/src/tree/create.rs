//! Making a group in every hierarchy, usable by all controllers.

use std::fs;
use std::io;
use std::path::Path;

use super::{Change, Tree};
use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::layout::{Hierarchy, Version};
use crate::path::CgroupPath;

/// A version 1 group accepts no process until these are set. Setting `cgroup.clone_children` above
/// instead would not help groups that exist already.
const CPUSET: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];

impl Tree {
    /// Makes the group, and those above it up to the parent, in every hierarchy; returns what that
    /// changed, nothing if all was there.
    ///
    /// In version 2 the controllers we use are enabled in every group above it, so far as the host
    /// has them. A group with processes cannot have groups with controllers below it (the kernel's
    /// "no internal process" rule): that is an error naming its `cgroup.subtree_control`.
    pub fn create(&self, path: &CgroupPath) -> Result<Vec<Change>, CgroupError> {
        let full = self.full(path);
        let mut changes = Vec::new();
        for hierarchy in self.layout.hierarchies() {
            let mut above = hierarchy.root.clone();
            for part in full.ancestry() {
                let group = hierarchy.root.join(part);
                if hierarchy.version == Version::Unified {
                    changes.extend(enable(&above)?);
                }
                changes.extend(make(&group)?);
                changes.extend(inherit(hierarchy, &above, &group)?);
                above = group;
            }
        }
        Ok(changes)
    }
}

fn make(group: &Path) -> Result<Option<Change>, CgroupError> {
    match fs::create_dir(group) {
        Ok(()) => Ok(Some(Change::Made(group.to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(CgroupError::file("make", group, error)),
    }
}

/// Enables what is available and not enabled yet below a group of version 2.
fn enable(group: &Path) -> Result<Option<Change>, CgroupError> {
    let list = |file: &str| -> Result<Vec<Controller>, CgroupError> {
        let text = files::read(&group.join(file))?.unwrap_or_default();
        Ok(text
            .split_whitespace()
            .filter_map(Controller::from_unified)
            .collect())
    };
    let enabled = list("cgroup.subtree_control")?;
    let mut missing = list("cgroup.controllers")?;
    missing.retain(|controller| !enabled.contains(controller));
    if missing.is_empty() {
        return Ok(None);
    }
    let names = missing
        .iter()
        .filter_map(|controller| controller.unified_name());
    let value: Vec<String> = names.map(|name| format!("+{name}")).collect();
    files::write(&group.join("cgroup.subtree_control"), &value.join(" "))?;
    Ok(Some(Change::Enabled {
        group: group.to_owned(),
        controllers: missing,
    }))
}

fn inherit(
    hierarchy: &Hierarchy,
    above: &Path,
    group: &Path,
) -> Result<Option<Change>, CgroupError> {
    if !hierarchy.version.has_legacy(Controller::CpuSet) {
        return Ok(None);
    }
    let mut change = None;
    for file in CPUSET {
        let own = files::read(&group.join(file))?.unwrap_or_default();
        if own.trim().is_empty() {
            let value = files::read(&above.join(file))?.unwrap_or_default();
            files::write(&group.join(file), value.trim())?;
            change = Some(Change::Inherited(group.to_owned()));
        }
    }
    Ok(change)
}
