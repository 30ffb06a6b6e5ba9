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
    /// It is going to end; containers are not touched.
    Stopping,
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
