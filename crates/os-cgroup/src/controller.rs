//! The controllers we use, and their names in both versions.

/// A controller that groups of osctl use where the host has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Memory.
    Memory,
    /// Share and limit of processor time.
    Cpu,
    /// Accounting of processor time; part of `cpu` in version 2.
    CpuAcct,
    /// Processors and memory nodes a group may use.
    CpuSet,
    /// Number of processes and threads.
    Pids,
    /// Block devices: `blkio` in version 1.
    Io,
    /// Access to device nodes; a BPF program in version 2.
    Devices,
    /// Stopping a whole group; in the core (`cgroup.freeze`) in version 2.
    Freezer,
}

/// One controller: its name as an option of a version 1 mount, and in `cgroup.controllers` of
/// version 2, if it is one there. *Source*: Linux, Documentation/admin-guide/cgroup-v2.rst.
const NAMES: &[(Controller, &str, Option<&str>)] = &[
    (Controller::Memory, "memory", Some("memory")),
    (Controller::Cpu, "cpu", Some("cpu")),
    (Controller::CpuAcct, "cpuacct", None),
    (Controller::CpuSet, "cpuset", Some("cpuset")),
    (Controller::Pids, "pids", Some("pids")),
    (Controller::Io, "blkio", Some("io")),
    (Controller::Devices, "devices", None),
    (Controller::Freezer, "freezer", None),
];

impl Controller {
    /// The controller a version 1 hierarchy is mounted with.
    pub(crate) fn from_legacy(name: &str) -> Option<Self> {
        NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The controller in a list such as `cgroup.controllers`.
    pub(crate) fn from_unified(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|row| row.2 == Some(name))
            .map(|row| row.0)
    }

    /// The name to enable it by in version 2.
    pub(crate) fn unified_name(self) -> Option<&'static str> {
        NAMES.iter().find(|row| row.0 == self).and_then(|row| row.2)
    }
}
