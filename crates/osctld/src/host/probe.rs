//! Inspects the host for assets: files of accounts, mounts and the datasets of a pool are read once
//! a query, however many entities it is about.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use os_cgroup::{CgroupPath, Presence};
use os_core::asset::{Probe, Stat, probe};
use os_sys::MountTable;
use os_types::{DatasetName, PoolName, chain};

use super::LinuxHost;

/// The lines of a file, or why it could not be read.
type Lines = Result<BTreeSet<String>, String>;

/// The datasets of a pool, or why they could not be listed.
type Datasets = Result<BTreeSet<DatasetName>, String>;

/// A snapshot of the host.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    host: &'a LinuxHost,
    mounts: Result<MountTable, String>,
    lines: RefCell<BTreeMap<PathBuf, Lines>>,
    datasets: RefCell<BTreeMap<PoolName, Datasets>>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(host: &'a LinuxHost) -> Self {
        let mounts = MountTable::read().map_err(|error| error.to_string());
        Self {
            host,
            mounts,
            lines: RefCell::default(),
            datasets: RefCell::default(),
        }
    }
}

impl Look<'_> {
    /// The path of a control group below our parent group.
    fn below_parent(&self, path: &str) -> Result<CgroupPath, String> {
        let parent = self.host.cgroups().parent();
        let below = path.strip_prefix(parent.as_str()).unwrap_or(path);
        let below = below.trim_start_matches('/').parse();
        below.map_err(|error| format!("{error}"))
    }
}

impl Probe for Look<'_> {
    fn stat(&self, path: &Path) -> Result<Option<Stat>, String> {
        probe::stat(path)
    }

    fn dataset_exists(&self, dataset: &DatasetName) -> Result<bool, String> {
        let pool = dataset.pool();
        let mut listed = self.datasets.borrow_mut();
        let datasets = listed.entry(pool).or_insert_with_key(|pool| {
            let all = self.host.contents(pool).list();
            let all = all.map_err(|error| chain(&error))?;
            Ok(all.into_iter().map(|info| info.name).collect())
        });
        datasets
            .as_ref()
            .map(|datasets| datasets.contains(dataset))
            .map_err(Clone::clone)
    }

    fn missing_options(
        &self,
        path: &Path,
        options: &[&'static str],
    ) -> Result<Option<Vec<&'static str>>, String> {
        let mounts = self.mounts.as_ref().map_err(Clone::clone)?;
        Ok(mounts.at(path).map(|mount| {
            options
                .iter()
                .copied()
                .filter(|option| !mount.has_option(option))
                .collect()
        }))
    }

    fn has_line(&self, file: &Path, line: &str) -> Result<bool, String> {
        let mut read = self.lines.borrow_mut();
        let lines = read
            .entry(file.to_path_buf())
            .or_insert_with(|| probe::lines(file).map(|lines| lines.into_iter().collect()));
        lines
            .as_ref()
            .map(|lines| lines.contains(line))
            .map_err(Clone::clone)
    }

    fn cgroup_exists(&self, path: &str) -> Result<bool, String> {
        let presence = self.host.cgroups().presence(&self.below_parent(path)?);
        Ok(presence == Presence::Present)
    }

    fn held_processes(&self, path: &str) -> Result<Option<String>, String> {
        Ok(self.host.runtime().held(&self.below_parent(path)?))
    }
}
