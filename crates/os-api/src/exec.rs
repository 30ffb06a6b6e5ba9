//! Running a command in a container: what is said over an upgraded connection (ADR-9).
//!
//! ```text
//!   client                         osctld                        os-helper enter
//!     POST /v1/exec, Upgrade ──────> checks
//!     <───────────── 101 ─────────── hands over the socket ────────> │
//!     Streams [3 pipes] or Terminal ─────────────────────────────────> │ enters the guest
//!     <────────────────────────────────────── Started [terminal] ────  │
//!     Signal, Resize ─────────────────────────────────────────────────> │
//!     <────────────────────────────────────────────── Exited ────────  │
//! ```
//!
//! *Shape* on the connection: frames of four bytes of length, little endian, and a JSON object;
//! descriptors (`SCM_RIGHTS`) come with the first byte of a frame.

use os_types::{ContainerName, PoolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Path of the endpoint.
pub const EXEC_PATH: &str = "/v1/exec";

/// What the connection is upgraded to.
pub const EXEC_PROTOCOL: &str = "osctl-exec";

/// The command to run, and its container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecRequest {
    /// The pool; default: the first that has such a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Id of the container.
    pub name: ContainerName,
    /// If the container is stopped, run it for this command alone, without its own init.
    #[serde(default)]
    pub run: bool,
    /// The command and its arguments; a name without `/` is looked for in `PATH`.
    #[schemars(length(min = 1, max = 4096))]
    pub argv: Vec<String>,
    /// The size and type of a terminal for it; none: three streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalSize>,
    /// The value of `TERM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub term: Option<String>,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

/// What the client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClientFrame {
    /// First, without a terminal: standard input, output and error come with it.
    Streams {},
    /// First, with a terminal: nothing comes with it.
    Terminal {},
    /// The command gets a signal.
    Signal {
        /// Its number.
        signal: i32,
    },
    /// The terminal has another size.
    Resize {
        /// Its size now.
        size: TerminalSize,
    },
}

/// Messages to the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HelperFrame {
    /// The command runs; with a terminal, the end that shows it comes with it.
    Started {},
    /// The command ended by itself.
    Exited {
        /// Its status, 0 to 255.
        status: u8,
    },
    /// The command was killed.
    Killed {
        /// By this signal.
        signal: i32,
    },
    /// The command could not be run.
    Failed {
        /// The status that a shell would give: 127 if it was not found, 126 if it is not a program.
        status: u8,
        /// What and why.
        message: String,
    },
}
