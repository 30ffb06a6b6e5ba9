//! Our part of the host's groups: everything below one parent.

mod create;
mod delegate;
mod freeze;
mod join;
mod kill;
mod remove;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::controller::Controller;
use crate::error::CgroupError;
use crate::figures::{self, Figures};
use crate::files;
use crate::layout::{Hierarchy, Layout};
use crate::open_files::OpenFiles;
use crate::path::{CgroupPath, PathError};

/// The groups below our parent, the same in every hierarchy of the host.
#[derive(Debug, Clone)]
pub struct Tree {
    layout: Layout,
    parent: CgroupPath,
}

/// One thing that [`Tree::create`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Made a group in one hierarchy.
    Made(PathBuf),
    /// Made controllers available below a group of version 2.
    Enabled {
        /// The group whose `cgroup.subtree_control` was written.
        group: PathBuf,
        /// The controllers added.
        controllers: Vec<Controller>,
    },
    /// Copied processors or memory nodes from the group above (version 1).
    Inherited(PathBuf),
}

/// In how many hierarchies a group exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// In none.
    Absent,
    /// In some: left by an interrupted creation or removal.
    Partial {
        /// Where it is missing.
        missing: Vec<PathBuf>,
    },
    /// In all.
    Present,
}

impl Tree {
    /// The tree below the group `parent` (such as `osctl`) on this host. Nothing is created.
    ///
    /// # Errors
    /// [`CgroupError::Parent`] if `parent` is no path or is empty, for then all groups of the host
    /// would be ours to kill; [`CgroupError::NoCgroups`].
    pub fn detect(parent: &str) -> Result<Self, CgroupError> {
        Self::new(Layout::detect()?, parent)
    }

    /// The tree below `parent` in a given layout.
    pub fn new(layout: Layout, parent: &str) -> Result<Self, CgroupError> {
        let parent: CgroupPath = parent.parse()?;
        if parent == CgroupPath::PARENT {
            return Err(PathError::Name(String::new()).into());
        }
        Ok(Self { layout, parent })
    }

    /// The parent group.
    pub fn parent(&self) -> &CgroupPath {
        &self.parent
    }

    /// Where the group exists.
    pub fn presence(&self, path: &CgroupPath) -> Presence {
        let folders = self.folders(path);
        let hierarchies = folders.len();
        let missing: Vec<_> = folders
            .into_iter()
            .filter(|folder| !folder.is_dir())
            .collect();
        match missing.len() {
            0 => Presence::Present,
            count if count == hierarchies => Presence::Absent,
            _ => Presence::Partial { missing },
        }
    }

    /// The processes in the group and below it, in any hierarchy; none if it is not there.
    ///
    /// *Shape*: 0 stands for processes of a pid namespace that is not below ours.
    pub fn procs(&self, path: &CgroupPath) -> Result<BTreeSet<u32>, CgroupError> {
        let mut pids = BTreeSet::new();
        for folder in self.folders(path) {
            pids.append(&mut files::processes(&folder)?);
        }
        Ok(pids)
    }

    /// The processes in the group itself, in the hierarchy that is joined last; none if it is not there.
    ///
    /// # Errors
    /// [`CgroupError::File`].
    pub fn members(&self, path: &CgroupPath) -> Result<Vec<u32>, CgroupError> {
        let Some(hierarchy) = self.layout.hierarchies().last() else {
            return Ok(Vec::new());
        };
        let folder = self.full(path).below(&hierarchy.root);
        let text = files::read(&folder.join("cgroup.procs"))?.unwrap_or_default();
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// Whether any process is in the group or below it.
    pub fn is_populated(&self, path: &CgroupPath) -> Result<bool, CgroupError> {
        if self.is_populated_unified(path)? {
            return Ok(true);
        }
        let full = self.full(path);
        // A process may have joined the hierarchies of version 1 only.
        for hierarchy in self.legacy() {
            if !files::processes(&full.below(&hierarchy.root))?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_populated_unified(&self, path: &CgroupPath) -> Result<bool, CgroupError> {
        let Some(root) = self.layout.unified() else {
            return Ok(false);
        };
        let events = files::read(&self.full(path).below(root).join("cgroup.events"))?;
        Ok(events.is_some_and(|events| events.lines().any(|line| line == "populated 1")))
    }

    /// What the group uses; `files` are those of this group.
    pub fn figures(&self, path: &CgroupPath, files: &OpenFiles) -> Result<Figures, CgroupError> {
        figures::read(&self.layout, &self.full(path), files)
    }

    /// The directory of the group in each hierarchy.
    pub fn folders(&self, path: &CgroupPath) -> Vec<PathBuf> {
        let full = self.full(path);
        let hierarchies = self.layout.hierarchies().iter();
        hierarchies
            .map(|hierarchy| full.below(&hierarchy.root))
            .collect()
    }

    /// The path from the root of a hierarchy: parent and path were checked, so is what they form.
    fn full(&self, path: &CgroupPath) -> CgroupPath {
        self.parent.append(path)
    }

    fn legacy(&self) -> impl Iterator<Item = &Hierarchy> {
        let unified = self.layout.unified();
        let hierarchies = self.layout.hierarchies().iter();
        hierarchies.filter(move |hierarchy| Some(hierarchy.root.as_path()) != unified)
    }
}

#[cfg(test)]
mod tests;
