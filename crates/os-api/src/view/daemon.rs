//! The daemon itself as the API shows it.

use jiff::Timestamp;
use os_types::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to a ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ping {
    /// Version of the daemon.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Since when it runs.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Where it is.
    pub state: DaemonState,
    /// Revision of the newest event.
    pub revision: u64,
}

/// Where the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DaemonState {
    /// It answers; pools are being imported.
    Starting,
    /// What was imported before is imported again.
    Ready,
    /// It is being prepared for a stop: lifecycle commands that run are waited for.
    Draining,
    /// It can be stopped: no lifecycle command runs, and osctld refuses new ones.
    Prepared,
    /// It could not be prepared for a stop, or not resumed; `failures` of its status say why.
    Blocked,
    /// It is going to end; containers are not touched.
    Stopping,
}

/// Where the daemon is, in detail. The members are those of vpsAdminOS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatus {
    /// Version of this description: 1.
    pub schema: u32,
    /// Whether the daemon is of a version that cannot be prepared for a stop: never.
    pub legacy: bool,
    /// When it was started.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Whether the pools that were imported before are imported again.
    pub initialized: bool,
    /// Where it is.
    pub phase: DaemonState,
    /// Whether the phase is `ready`.
    pub ready: bool,
    /// Whether commands that start, stop, freeze or delete containers are accepted.
    pub lifecycle_admission: bool,
    /// What went wrong when it was prepared for a stop, or resumed.
    pub failures: Vec<String>,
    /// Containers that run and are on no imported pool.
    pub orphans: Vec<String>,
    /// Operations that have to end before it can be stopped.
    pub drain_blockers: Vec<String>,
}

/// What an error code means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// Its title.
    pub title: String,
    /// What it means and what to do.
    pub explanation: String,
    /// The HTTP status it travels with.
    pub status: u16,
    /// The exit code of `osctl`.
    pub exit: u8,
}
