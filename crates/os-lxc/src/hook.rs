//! What LXC's hooks say to osctld, and what it answers.
//!
//! One connection a hook: one line of JSON each way. The message does not name the container: osctld
//! hears only processes of the tree that the start of a container has created (ADR-14).

use serde::{Deserialize, Serialize};

/// The hooks of LXC that we use. *Source*: lxc.container.conf(5), "CONTAINER HOOKS".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    /// On the host, when init waits to be run: if there is a script. It tells the pid of init.
    StartHost,
    /// In the container's mount namespace, before its root is mounted: if there is a script.
    PreMount,
    /// In the container's mount namespace, after everything is mounted: if there is a script.
    Mount,
    /// On the host, when the container has ended: it leaves a mark if the container wants to reboot.
    /// osctld is not asked.
    PostStop,
}

impl HookName {
    /// Every hook.
    pub const ALL: [Self; 4] = [Self::StartHost, Self::PreMount, Self::Mount, Self::PostStop];

    /// LXC's name, as in `lxc.hook.<name>` and `LXC_HOOK_TYPE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartHost => "start-host",
            Self::PreMount => "pre-mount",
            Self::Mount => "mount",
            Self::PostStop => "post-stop",
        }
    }

    /// The hook of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.as_str() == text)
    }
}

/// A hook is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookMessage {
    /// Which one.
    pub hook: HookName,
    /// `LXC_PID`: init, as the monitor's pid namespace counts. In start-host only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_pid: Option<u32>,
}

/// What osctld says to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookAnswer {
    /// Go on.
    Continue,
    /// Give up the start, because of this.
    Abort(String),
}
