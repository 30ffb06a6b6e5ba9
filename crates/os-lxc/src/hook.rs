//! What LXC's hooks say to osctld, and what it answers.
//!
//! One connection a hook: one line of JSON each way. The message says nothing about who sends it:
//! osctld finds the container by the control group of the peer.

use serde::{Deserialize, Serialize};

/// The hooks of LXC that we use. *Source*: lxc.container.conf(5), "CONTAINER HOOKS".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    /// On the host, when init waits to be run: always, it tells the pid of init.
    StartHost,
    /// In the container's mount namespace, before its root is mounted: if there is a script.
    PreMount,
    /// In the container's mount namespace, after everything is mounted: if there is a script.
    Mount,
    /// On the host, when the container has ended: always, it tells whether it wants to come back.
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

/// What a container that has ended wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookTarget {
    /// Nothing more.
    Stop,
    /// To be started again: its init called reboot(2).
    Reboot,
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
    /// `LXC_ROOTFS_MOUNT`: the container's root in the mount namespace of the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rootfs_mount: Option<String>,
    /// `LXC_TARGET`. In post-stop only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<HookTarget>,
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
