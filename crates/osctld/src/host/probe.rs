//! A look at the host for assets: each file of accounts and the mounts are read once a query.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use os_cgroup::{CgroupPath, Presence};
use os_core::asset::{Probe, Stat, probe};
use os_sys::MountTable;
use os_types::DatasetName;

use super::Steps;

/// The lines of a file, or why it could not be read.
type Lines = Result<BTreeSet<String>, String>;

/// A look at one moment.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    host: &'a Steps,
    mounts: Result<MountTable, String>,
    lines: RefCell<BTreeMap<PathBuf, Lines>>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(host: &'a Steps) -> Self {
        let mounts = MountTable::read().map_err(|error| error.to_string());
        Self {
            host,
            mounts,
            lines: RefCell::default(),
        }
    }
}

impl Probe for Look<'_> {
    fn stat(&self, path: &Path) -> Result<Option<Stat>, String> {
        probe::stat(path)
    }

    fn dataset_exists(&self, dataset: &DatasetName) -> Result<bool, String> {
        let pool = self.host.contents(&dataset.pool());
        let found = super::dataset::info(&*pool, dataset);
        found
            .map(|info| info.is_some())
            .map_err(|failure| failure.to_string())
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
        let tree = self.host.cgroups();
        let below = path.strip_prefix(tree.parent().as_str()).unwrap_or(path);
        let path: CgroupPath = below
            .trim_start_matches('/')
            .parse()
            .map_err(|error| format!("{error}"))?;
        Ok(tree.presence(&path) == Presence::Present)
    }
}
