//! Assets: what an entity expects to exist, and in what state.

use os_types::EntityRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssetKind {
    /// A dataset.
    Dataset,
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Symlink,
    /// A socket.
    Socket,
    /// A line or block in a file of the host.
    Entry,
    /// A mount.
    Mount,
    /// A control group.
    Cgroup,
}

/// How it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssetState {
    /// As it should be.
    Valid,
    /// Missing or different: `errors` says how.
    Invalid,
    /// It could not be looked at.
    Unknown,
}

/// One thing an entity expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// Whose it is.
    pub entity: EntityRef,
    /// What kind of thing.
    #[serde(rename = "type")]
    pub kind: AssetKind,
    /// Its path, or dataset name, or `file: entry`.
    pub path: String,
    /// What it is for.
    pub description: String,
    /// How it was found.
    pub state: AssetState,
    /// What is wrong with it.
    pub errors: Vec<String>,
    /// The next command, if something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
