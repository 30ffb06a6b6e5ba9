//! A command in a running container (ADR-9).

use serde::{Deserialize, Serialize};

/// The command, and the guest it runs in. With the client at the other end of its socket the helper
/// speaks the frames of `os_api::exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnterJob {
    /// Init of the guest.
    pub init_pid: u32,
    /// Start time of init, field 22 of `/proc/<pid>/stat`, so that it is no other process.
    pub init_start: u64,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The size of the command's terminal; none: the client sends three streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<WindowSize>,
    /// The text of the seccomp policy that init was started with.
    pub seccomp: String,
    /// Kill init when the command has ended: the container was started for this command only.
    #[serde(default)]
    pub ends_guest: bool,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}
