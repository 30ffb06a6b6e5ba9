//! Containers: their states, and how one is stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::{PoolName, name, words};

name! {
    /// Id of a container, e.g. `web1`; unique on its pool.
    ///
    /// *Shape*: `[A-Za-z0-9_-]`, 1 to 100 characters, not beginning with `-`. It is a component of
    /// a dataset's name, of control groups (`ct.<id>`, `lxc.payload.<id>`) and LXC's name of the
    /// container.
    ContainerName, "container id",
    r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$", check_container
}

fn check_container(text: &str) -> Result<(), &'static str> {
    crate::names::check_run(text, 100, crate::names::is_word)
}

/// The control group within a container's that belongs to its system user: LXC makes its own there.
pub const DELEGATED_CGROUP: &str = "user-owned";

impl ContainerName {
    /// The host name in the kernel of a container that has no other one: its id, cut to the 63
    /// characters of a label.
    pub fn uts_name(&self) -> &str {
        let id = self.as_str();
        id.get(..63).unwrap_or(id)
    }

    /// LXC's control group of the guest's processes, within [`DELEGATED_CGROUP`].
    pub fn payload_cgroup(&self) -> String {
        format!("lxc.payload.{self}")
    }
}

/// A container on its pool.
///
/// *Shape*: shown as `pool:id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerRef {
    /// The pool.
    pub pool: PoolName,
    /// Its id.
    pub name: ContainerName,
}

impl ContainerRef {
    /// The container `name` on `pool`.
    pub fn new(pool: &PoolName, name: &ContainerName) -> Self {
        Self {
            pool: pool.clone(),
            name: name.clone(),
        }
    }
}

impl std::fmt::Display for ContainerRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.pool, self.name)
    }
}

words! {
    /// What a container is doing, as the kernel shows it.
    ///
    /// ```text
    ///            start              init runs             freeze
    ///   stopped ──────> starting ────────────> running ──────────> freezing ──> frozen
    ///      ^               │ failed               │  ^                            │
    ///      └───────────────┘                      │  └────────── unfreeze ────────┘
    ///      │              stop, or init ends      v
    ///      └─────────────────────────────── stopping
    /// ```
    ContainerState {
        /// No process is in its control group.
        Stopped = "stopped",
        /// Its monitor runs, its init not yet.
        Starting = "starting",
        /// Its init runs.
        Running = "running",
        /// It is being frozen.
        Freezing = "freezing",
        /// All its processes are frozen.
        Frozen = "frozen",
        /// It is being stopped, or ends by itself.
        Stopping = "stopping",
        /// The state could not be read from the kernel.
        Unknown = "unknown",
    }
}

impl ContainerState {
    /// Whether it has processes, or may have.
    pub const fn is_alive(self) -> bool {
        !matches!(self, Self::Stopped)
    }
}

/// How far a stop may go.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum StopMethod {
    /// Ask init to shut down; kill everything when the time is over.
    #[default]
    ShutdownOrKill,
    /// Ask init to shut down; fail when the time is over.
    ShutdownOrFail,
    /// Kill everything at once.
    Kill,
    /// Put away what is left of one whose init has ended by itself; leave alone one that runs.
    IfEnded,
}

/// Which init a container is started with.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum StartInit {
    /// Its own.
    #[default]
    Own,
    /// One that only waits: the container runs for a single command that enters it from outside.
    #[serde(rename = "idle")]
    Pause,
}

/// How a container is started.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct StartPolicy {
    /// Let LXC log everything.
    #[serde(default)]
    pub debug: bool,
    /// Its init.
    #[serde(default)]
    pub init: StartInit,
}

/// How a container is stopped: its stages and their deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopPolicy {
    /// How far it may go.
    #[serde(default)]
    pub method: StopMethod,
    /// How long init may take to shut down, milliseconds; at most an hour.
    #[serde(default = "default_timeout_ms", deserialize_with = "timeout_ms")]
    #[schemars(range(max = TIMEOUT_MS_MAX))]
    pub timeout_ms: u32,
    /// Message to logged-in users before the stop; without it they get none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
}

/// The longest that an init may be given to shut down, milliseconds.
const TIMEOUT_MS_MAX: u32 = 3_600_000;

fn timeout_ms<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match Deserialize::deserialize(deserializer)? {
        timeout if timeout > TIMEOUT_MS_MAX => Err(serde::de::Error::custom(format_args!(
            "a timeout of {timeout} ms is more than an hour"
        ))),
        timeout => Ok(timeout),
    }
}

/// Five minutes, as in vpsAdminOS.
const fn default_timeout_ms() -> u32 {
    300_000
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            method: StopMethod::default(),
            timeout_ms: default_timeout_ms(),
            message: None,
        }
    }
}

impl StopPolicy {
    /// Kill everything at once.
    pub fn kill() -> Self {
        Self {
            method: StopMethod::Kill,
            timeout_ms: 0,
            message: None,
        }
    }

    /// Only put away what has ended.
    pub fn if_ended() -> Self {
        Self {
            method: StopMethod::IfEnded,
            ..Self::kill()
        }
    }

    /// How long init may take to shut down.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_ms))
    }
}

/// Start at import of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Autostart {
    /// Lower numbers start first; default 1000.
    #[serde(default = "default_priority")]
    pub priority: u32,
    /// Seconds to wait after its start before the next one on a loaded host; default 5.
    #[serde(default = "default_delay")]
    pub delay_s: u32,
}

const fn default_priority() -> u32 {
    1000
}

const fn default_delay() -> u32 {
    5
}

impl Default for Autostart {
    fn default() -> Self {
        Self {
            priority: default_priority(),
            delay_s: default_delay(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        for good in ["a", "web-1", "100", "A_b"] {
            good.parse::<ContainerName>().unwrap();
        }
        for bad in ["", "-a", "a.b", "a/b", "a b", "é", &"x".repeat(101)] {
            bad.parse::<ContainerName>().unwrap_err();
        }
    }

    #[test]
    fn a_policy_has_defaults() {
        let policy: StopPolicy = serde_json::from_str("{}").unwrap();
        assert_eq!(policy, StopPolicy::default());
        assert_eq!(policy.timeout(), Duration::from_mins(5));
    }
}
