//! The run record: which process a container's init is. It can be lost: then init is looked for.

use std::path::Path;

use os_store::atomic::{self, Attributes};
use os_types::Failure;
use serde::{Deserialize, Serialize};

use crate::host::fail;

/// `run/osctl/pools/<pool>/containers/<id>/run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its init.
    pub(super) init_pid: u32,
    /// Start time of init, which tells it from another process of that number.
    pub(super) init_start: u64,
    /// What kind of init that is.
    #[serde(default)]
    pub(super) kind: os_types::StartInit,
    /// Its monitor.
    pub(super) monitor_pid: u32,
    /// Since when it runs.
    pub(super) started: jiff::Timestamp,
    /// Its control group below our parent group.
    pub(super) cgroup: String,
}

const NAME: &str = "run.json";

pub(super) fn write(folder: &Path, record: &Record) -> Result<(), Failure> {
    let text = serde_json::to_vec(record).unwrap_or_default();
    let written = atomic::replace(&folder.join(NAME), &text, Attributes::mode(0o400));
    written.map(drop).map_err(|error| fail::file(&error))
}

/// The record; `None` if there is none that can be read.
pub(super) fn read(folder: &Path) -> Option<Record> {
    let bytes = atomic::read(&folder.join(NAME)).ok()??;
    serde_json::from_slice(&bytes).ok()
}

pub(super) fn remove(folder: &Path) -> Result<(), Failure> {
    // Before the first start there is no such folder.
    if !folder.exists() {
        return Ok(());
    }
    let removed = atomic::remove(&folder.join(NAME));
    removed.map(drop).map_err(|error| fail::file(&error))
}
