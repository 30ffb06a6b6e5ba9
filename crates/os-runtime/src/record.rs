//! The run record: which process a container's init is. If it is lost, init is searched in the control
//! group.

use std::path::Path;

use os_store::atomic::{self, Attributes};
use os_types::Failure;
use serde::{Deserialize, Serialize};

/// `run/osctl/pools/<pool>/containers/<id>/run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its init.
    pub(crate) init_pid: u32,
    /// Start time of init, which tells it from another process with the same number.
    pub(crate) init_start: u64,
    /// Which init that is.
    #[serde(default)]
    pub(crate) kind: os_types::StartInit,
    /// Its monitor.
    pub(crate) monitor_pid: u32,
    /// Since when it runs.
    pub(crate) started: jiff::Timestamp,
    /// Its control group below our parent group.
    pub(crate) cgroup: String,
}

const NAME: &str = "run.json";

pub(crate) fn write(folder: &Path, record: &Record) -> Result<(), Failure> {
    let text = serde_json::to_vec(record).unwrap_or_default();
    let written = atomic::replace(&folder.join(NAME), &text, Attributes::mode(0o400));
    written?;
    Ok(())
}

/// The record; `None` if there is none that can be read.
pub(crate) fn read(folder: &Path) -> Option<Record> {
    let bytes = atomic::read(&folder.join(NAME)).ok()??;
    serde_json::from_slice(&bytes).ok()
}

pub(crate) fn remove(folder: &Path) -> Result<(), Failure> {
    // Before the first start there is no such folder.
    if !folder.exists() {
        return Ok(());
    }
    let removed = atomic::remove(&folder.join(NAME));
    removed?;
    Ok(())
}
