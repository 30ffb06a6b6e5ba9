//! The run record of a container: which process its init is, and what is to happen with it. If it is
//! lost, init is searched in the control group.

use std::path::Path;
use std::sync::Arc;

use os_api::started_with::StartedWith;
use os_cgroup::CgroupPath;
use os_store::atomic::{self, Attributes};
use os_types::{Failure, StartInit};
use serde::{Deserialize, Serialize};

use crate::process::Process;

/// `run/osctl/pools/<pool>/containers/<id>/run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Process id of its init; absent while it is starting, and when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) init_pid: Option<u32>,
    /// Start time of init, which tells it from another process with the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) init_start: Option<u64>,
    /// Which init that is.
    #[serde(default)]
    pub(crate) kind: StartInit,
    /// Process id of its monitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) monitor_pid: Option<u32>,
    /// Since when it runs.
    pub(crate) started: jiff::Timestamp,
    /// Its control group below our parent group.
    pub(crate) cgroup: String,
    /// The helper of the single command that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<ProcessId>,
    /// The stop that is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<PendingStop>,
    /// The action after the container has stopped by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after_exit: Option<AfterExit>,
    /// How many times in a row its guest asked for a reboot soon after its start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) quick_reboots: u32,
    /// A [`StartedWith`]; kept as JSON, so that one of another version does not damage the record.
    #[serde(default)]
    pub(crate) started_with: serde_json::Value,
}

/// A process, so that it can be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pid: u32,
    start: u64,
}

/// A stop whose init was asked to shut down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingStop {
    /// The operation.
    pub(crate) operation: String,
    /// When its timeout is over, in milliseconds of `CLOCK_BOOTTIME`.
    pub(crate) until_ms: u64,
}

/// The action after a container has stopped by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AfterExit {
    /// Start it again: its guest asked for a reboot.
    Reboot,
    /// Delete it: it is ephemeral.
    Delete,
}

/// The control group that the container with the runtime directory `run` was started in, if it was.
pub fn recorded_cgroup(run: &Path) -> Option<CgroupPath> {
    read(run)?.cgroup.parse().ok()
}

impl ProcessId {
    /// The process, if it is still there.
    pub(crate) fn open(self) -> Option<Process> {
        Process::open_started_at(self.pid, self.start)
    }
}

impl From<&Process> for ProcessId {
    fn from(process: &Process) -> Self {
        Self {
            pid: process.pid(),
            start: process.start_time(),
        }
    }
}

impl Record {
    /// The settings and parts that the container was started with.
    pub(crate) fn started_with(&self) -> Option<Arc<StartedWith>> {
        let started = StartedWith::deserialize(&self.started_with);
        started.ok().map(Arc::new)
    }

    /// Its init, if it is still there.
    pub(crate) fn init(&self) -> Option<Process> {
        Process::open_started_at(self.init_pid?, self.init_start?)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls skip_serializing_if with a reference"
)]
const fn is_zero(value: &u32) -> bool {
    *value == 0
}

const NAME: &str = "run.json";

pub(crate) fn write(directory: &Path, record: &Record) -> Result<(), Failure> {
    let text = serde_json::to_vec(record).unwrap_or_default();
    let written = atomic::replace(&directory.join(NAME), &text, Attributes::mode(0o400));
    written.map(drop).map_err(Failure::from)
}

/// The record; `None` if there is none that can be read.
pub(crate) fn read(directory: &Path) -> Option<Record> {
    let bytes = atomic::read(&directory.join(NAME)).ok()??;
    serde_json::from_slice(&bytes).ok()
}

/// Changes the record, if there is one.
pub(crate) fn update(directory: &Path, change: impl FnOnce(&mut Record)) -> Result<(), Failure> {
    let Some(mut record) = read(directory) else {
        return Ok(());
    };
    change(&mut record);
    write(directory, &record)
}

pub(crate) fn remove(directory: &Path) -> Result<(), Failure> {
    match atomic::remove(&directory.join(NAME)) {
        // Before the first start there is no such directory.
        Err(error) if error.is_not_found() => Ok(()),
        removed => removed.map(drop).map_err(Failure::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_an_older_daemon_is_read() {
        let old = r#"{"init_pid":7,"init_start":9,"kind":"idle","monitor_pid":6,
            "started":"2026-11-30T12:00:00Z","cgroup":"pool.tank/group.default/user.web/ct.web"}"#;
        let record: Record = serde_json::from_str(old).unwrap();
        assert_eq!((record.init_pid, record.kind), (Some(7), StartInit::Pause));
        assert_eq!(
            (record.after_exit, record.stop, record.command),
            (None, None, None)
        );
        // And one of osctl, which has nothing new, is read by that daemon.
        let text = serde_json::to_string(&serde_json::from_str::<Record>(old).unwrap()).unwrap();
        assert!(
            !text.contains("after_exit") && text.contains("\"init_pid\":7"),
            "{text}"
        );
    }
}
