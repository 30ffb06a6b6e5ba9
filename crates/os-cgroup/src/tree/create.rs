//! Making a group in every hierarchy, usable by all controllers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Change, Tree};
use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::layout::{Hierarchy, Version};
use crate::path::CgroupPath;

/// A version 1 group accepts no process until these are set. Setting `cgroup.clone_children` above
/// instead would not help groups that exist already.
const CPUSET: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];

/// Controllers that a version 2 group has from the one above it.
const AVAILABLE: &str = "cgroup.controllers";

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
            let groups: Vec<PathBuf> = full
                .ancestry()
                .map(|part| hierarchy.root.join(part))
                .collect();
            let done = usable(hierarchy, &groups)?;
            let mut above = match done.checked_sub(1).and_then(|last| groups.get(last)) {
                Some(last) => last.as_path(),
                None => &hierarchy.root,
            };
            for group in groups.iter().skip(done) {
                if hierarchy.version == Version::Unified {
                    changes.extend(enable(above)?);
                }
                changes.extend(make(group)?);
                changes.extend(inherit(hierarchy, above, group)?);
                above = group;
            }
        }
        Ok(changes)
    }
}

/// Number of leading `groups` (outermost first) that exist and are complete.
///
/// Only the deepest existing group is read: it has all controllers of the root, or processors and
/// memory nodes, only if every group above it was completed. If it lacks any, as after a crash, the
/// result is 0 and [`Tree::create`] checks every group. A start saves most of its system calls about
/// groups this way: a hybrid host has ten hierarchies, and a container is five groups deep.
fn usable(hierarchy: &Hierarchy, groups: &[PathBuf]) -> Result<usize, CgroupError> {
    let existing = groups.iter().rposition(|group| group.is_dir());
    let Some((last, group)) = existing.and_then(|last| Some((last, groups.get(last)?))) else {
        return Ok(0);
    };
    let is_complete = match &hierarchy.version {
        Version::Unified => {
            controllers(group, AVAILABLE)? == controllers(&hierarchy.root, AVAILABLE)?
        }
        version if version.has_legacy(Controller::CpuSet) => {
            let mut is_set = true;
            for file in CPUSET {
                is_set &=
                    files::read(&group.join(file))?.is_some_and(|text| !text.trim().is_empty());
            }
            is_set
        }
        Version::Legacy(_) => true,
    };
    Ok(if is_complete { last + 1 } else { 0 })
}

fn make(group: &Path) -> Result<Option<Change>, CgroupError> {
    match fs::create_dir(group) {
        Ok(()) => Ok(Some(Change::Made(group.to_owned()))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(CgroupError::file("make", group, error)),
    }
}

/// The controllers that a file of a version 2 group lists.
fn controllers(group: &Path, file: &str) -> Result<Vec<Controller>, CgroupError> {
    let text = files::read(&group.join(file))?.unwrap_or_default();
    let names = text.split_whitespace();
    Ok(names.filter_map(Controller::from_unified).collect())
}

/// Enables what is available and not enabled yet below a group of version 2.
fn enable(group: &Path) -> Result<Option<Change>, CgroupError> {
    let enabled = controllers(group, "cgroup.subtree_control")?;
    let mut missing = controllers(group, AVAILABLE)?;
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
