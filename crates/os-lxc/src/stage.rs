//! The directory that exists in the monitor's view only.

use serde::{Deserialize, Serialize};

use crate::value::ConfigPath;

/// Where a monitor finds what is attached for it.
///
/// On the host it is an empty directory (`/run/osctl/stage`), the same for all containers. Each
/// monitor has a small file system of its own mounted there, in its own mount namespace: it
/// vanishes with the monitor, so nothing is left to clean up, and no other process can reach a
/// container's shifted root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stage(ConfigPath);

impl Stage {
    /// A stage at an existing empty directory.
    pub fn new(folder: ConfigPath) -> Self {
        Self(folder)
    }

    /// The directory itself.
    pub fn folder(&self) -> &ConfigPath {
        &self.0
    }

    /// The container's root, its ids shifted: `lxc.rootfs.path`.
    pub fn root(&self) -> ConfigPath {
        self.0.below("root")
    }

    /// An empty directory, where LXC mounts that root before it makes it `/`: `lxc.rootfs.mount`.
    pub fn mount(&self) -> ConfigPath {
        self.0.below("mount")
    }

    /// The log of the container.
    pub fn log(&self) -> ConfigPath {
        self.0.below("log")
    }

    /// The program that LXC runs as its hooks.
    pub fn helper(&self) -> ConfigPath {
        self.0.below("helper")
    }
}
