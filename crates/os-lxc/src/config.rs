//! A container's configuration as data.
//!
//! The writer is in `config/render.rs`. Every relevant key is written; no default of LXC is used.

mod mount_entry;
mod render;

use os_types::{Arch, ContainerName, IdMap, RawLxc};

use crate::distro_quirks::DistroQuirks;
use crate::stage::Stage;
use crate::value::{ConfigPath, Value};

pub use self::mount_entry::MountEntry;

/// The whole LXC configuration of a container. [`render`](Self::render) writes it.
#[derive(Debug, Clone)]
pub struct ContainerConfig {
    /// LXC's name; also of the control groups `lxc.payload.<id>` and `lxc.monitor.<id>`.
    pub id: ContainerName,
    /// The architecture of its programs.
    pub arch: Arch,
    /// The host name that its init finds.
    pub hostname: Value,
    /// Users.
    pub uid_map: IdMap,
    /// Groups.
    pub gid_map: IdMap,
    /// Where the monitor finds the root, the log and the program of the hooks.
    pub stage: Stage,
    /// What its distribution needs.
    pub quirks: DistroQuirks,
    /// The seccomp policy file; the monitor must be able to read it.
    pub seccomp: ConfigPath,
    /// How far its clocks are set back.
    pub clocks: ClockOffsets,
    /// The program that runs hooks.
    pub hooks: HookProgram,
    /// Where what it prints on its console goes.
    pub console: ConsoleLog,
    /// Whether and how AppArmor confines it.
    pub apparmor: AppArmor,
    /// Whether it may run containers of its own.
    pub nesting: Nesting,
    /// Mounts beside the usual ones, in this order.
    pub mounts: Vec<MountEntry>,
    /// The administrator's own lines, last.
    pub raw: RawLxc,
}

impl ContainerConfig {
    /// The configuration file.
    pub fn render(&self) -> String {
        render::render(self)
    }
}

/// Offsets of the container's time namespace, so that its uptime begins with zero.
///
/// *Units*: whole seconds; never more than what the host's clock shows, for the kernel refuses a
/// clock that would be negative. *Source*: `time_namespaces(7)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffsets {
    boot: u64,
    monotonic: u64,
}

impl ClockOffsets {
    /// Clocks that begin now: what the host's `CLOCK_BOOTTIME` and `CLOCK_MONOTONIC` show, in
    /// seconds, rounded down.
    pub fn since(boot: u64, monotonic: u64) -> Self {
        Self { boot, monotonic }
    }
}

/// The program that LXC runs for hooks: `os-helper hook SOCKET MARK MILLISECONDS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookProgram {
    /// osctld's socket for hooks.
    pub socket: ConfigPath,
    /// A file that is made if the container wants to reboot and osctld is away: osctld, once back,
    /// starts it. Its directory belongs to the container's system user.
    pub reboot_mark: ConfigPath,
    /// How long a hook waits for osctld.
    pub patience_ms: u32,
    /// Whether there is a script to run when init exists.
    pub start_host: bool,
    /// Whether there is a script to run before the root is mounted.
    pub pre_mount: bool,
    /// Whether there is a script to run when everything is mounted.
    pub mount: bool,
}

/// What a container prints on `/dev/console`, kept in a file and the one before it (`<file>.1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleLog {
    /// The file. Its directory belongs to the container's system user, which creates both.
    pub path: ConfigPath,
    /// The size of each, bytes; at least a page.
    pub bytes: u32,
}

/// AppArmor. Its key is an error where LXC or the kernel lacks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppArmor {
    /// The host has it not enabled (`/sys/module/apparmor/parameters/enabled`).
    Absent,
    /// A profile, or `unconfined`.
    Profile(Value),
}

/// Whether a container may run containers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// No.
    Refused,
    /// It finds an unobstructed proc and sysfs at `/dev/.lxc`, without which the kernel does not
    /// allow to mount one in a nested namespace.
    Allowed,
}

#[cfg(test)]
mod tests;
