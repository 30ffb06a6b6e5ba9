//! Joining groups.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Tree;
use crate::controller::Controller;
use crate::error::CgroupError;
use crate::files;
use crate::layout::{Hierarchy, Version};
use crate::path::CgroupPath;

const PROCS: &str = "cgroup.procs";

impl Tree {
    /// A file of the group in each hierarchy, open for writing: a process with one thread that writes `0`
    /// to each of them, in this order, is in the group.
    ///
    /// # Errors
    /// [`CgroupError::File`] if the group is not there in one of the hierarchies.
    pub fn join_fds(&self, path: &CgroupPath) -> Result<Vec<File>, CgroupError> {
        let full = self.full(path);
        let hierarchies = self.layout.hierarchies().iter();
        hierarchies
            .map(|hierarchy| open(hierarchy, &full.below(&hierarchy.root)))
            .collect()
    }

    /// As [`Tree::join_fds`], for the groups that a process is in now: in each hierarchy it may be in
    /// another one.
    ///
    /// # Errors
    /// [`CgroupError::File`] if the process is gone; if it is in a group that does not belong to osctl it is as
    /// if it were gone. [`CgroupError::Frozen`] if one of its groups is frozen at any level: what joins it
    /// would not run.
    pub fn join_fds_of(&self, pid: u32) -> Result<Vec<File>, CgroupError> {
        let list = PathBuf::from(format!("/proc/{pid}/cgroup"));
        let text = std::fs::read_to_string(&list);
        let text = text.map_err(|error| CgroupError::file("read", &list, error))?;
        let ours = format!("/{}/", self.parent);
        let mut fds = Vec::new();
        for hierarchy in self.layout.hierarchies() {
            let found = group_in(hierarchy, &text).filter(|path| path.starts_with(&ours));
            let Some(path) = found else {
                let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
                return Err(CgroupError::file("find the group of", &list, gone));
            };
            if let Some(group) = frozen_at(hierarchy, path)? {
                return Err(CgroupError::Frozen { group });
            }
            fds.push(open(hierarchy, &folder_of(hierarchy, path))?);
        }
        Ok(fds)
    }

    /// Tells the kernel that processes are about to join groups; returns at once.
    ///
    /// The first to join a group in a while waits 5 to 10 ms for a grace period of RCU, and those
    /// that come soon after do not. So while a start prepares other things, a thread joins the group
    /// that this process is in already, which changes nothing. *Source*: `cgroup_threadgroup_rwsem`
    /// in `kernel/cgroup/cgroup.c`, and the mount option `favordynmods` of cgroups.
    pub fn expect_joins(&self) {
        let text = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut hierarchies = self.layout.hierarchies().iter();
        let own = hierarchies.find_map(|hierarchy| {
            let folder = folder_of(hierarchy, group_in(hierarchy, &text)?);
            File::options().write(true).open(folder.join(PROCS)).ok()
        });
        if let Some(mut own) = own {
            let thread = std::thread::Builder::new().name("expect-joins".to_owned());
            // If it fails, the first process that joins waits longer.
            drop(thread.spawn(move || drop(own.write_all(b"0"))));
        }
    }
}

/// The group at or above `path` that is frozen, or about to be.
fn frozen_at(hierarchy: &Hierarchy, path: &str) -> Result<Option<String>, CgroupError> {
    let folder = |path: &str| hierarchy.root.join(path.trim_start_matches('/'));
    if hierarchy.version.has_legacy(Controller::Freezer) {
        // It says so too if a group above it is frozen.
        let state = files::read(&folder(path).join("freezer.state"))?;
        let frozen = state.is_some_and(|state| state.trim() != "THAWED");
        return Ok(frozen.then(|| path.to_owned()));
    }
    if hierarchy.version != Version::Unified {
        return Ok(None);
    }
    let mut at = path;
    while !at.is_empty() {
        // Not `cgroup.events`: it says so only once every process of the group has stopped.
        let wanted = files::read(&folder(at).join("cgroup.freeze"))?;
        if wanted.is_some_and(|text| text.trim() == "1") {
            return Ok(Some(at.to_owned()));
        }
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
    Ok(None)
}

/// The group in a hierarchy, of the text of a `/proc/<pid>/cgroup`: `/osctl/pool.tank`.
fn group_in<'a>(hierarchy: &Hierarchy, text: &'a str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let found = lines.find(|(names, _)| hierarchy.version.is_called(names));
    found
        .map(|(_, path)| path)
        .filter(|path| !path.contains("/../"))
}

fn folder_of(hierarchy: &Hierarchy, group: &str) -> PathBuf {
    hierarchy.root.join(group.trim_start_matches('/'))
}

/// Opens the file by which a process with one thread joins a group.
///
/// A thread that moves itself takes no lock that keeps all processes of the host from forking, and so does
/// not wait for a grace period of RCU as a process does. Version 2 moves threads within one domain
/// only. *Source*: `cgroup_procs_write_start` in `kernel/cgroup/cgroup.c`.
fn open(hierarchy: &Hierarchy, folder: &Path) -> Result<File, CgroupError> {
    let path = folder.join(match hierarchy.version {
        Version::Unified => PROCS,
        Version::Legacy(_) => "tasks",
    });
    let file = File::options().write(true).open(&path);
    file.map_err(|error| CgroupError::file("open", &path, error))
}
