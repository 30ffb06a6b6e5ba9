//! What can go wrong with control groups.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_sys::SysError;
use os_types::{Code, Explain};

use crate::path::PathError;

/// An operation on control groups that failed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A file or directory of the cgroup file system refused.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// The object.
        path: PathBuf,
        /// The reason the kernel gave.
        source: io::Error,
    },
    /// The parent group's name is not allowed.
    #[error("the parent of all control groups has no valid name")]
    Parent(#[from] PathError),
    /// The host has no cgroup file system mounted.
    #[error("no cgroup file system is mounted; mount cgroup2 at /sys/fs/cgroup")]
    NoCgroups,
    /// A group cannot be removed: processes are in it, or the kernel has not let go of it.
    #[error("the control group {group} is still in use after {} s{}", patience.as_secs_f32(), by(pids))]
    Busy {
        /// The group, with its parent.
        group: String,
        /// Processes in it and below it, if any.
        pids: Vec<u32>,
        /// How long it was tried.
        patience: Duration,
    },
    /// Processes did not end although they were killed; the kernel holds them.
    #[error("the control group {group} still lives {} s after it was killed{}", patience.as_secs_f32(), by(pids))]
    Unkillable {
        /// The group, with its parent.
        group: String,
        /// The processes left.
        pids: Vec<u32>,
        /// How long they were waited for.
        patience: Duration,
    },
    /// A group is frozen, by the guest in it or from outside: what joins it does not run.
    #[error("the control group {group} is frozen")]
    Frozen {
        /// The group, from the root of its hierarchy.
        group: String,
    },
    /// Processes did not freeze, or did not go on.
    #[error("the control group {group} did not {} within {} s", if *frozen { "freeze" } else { "thaw" }, patience.as_secs_f32())]
    NotFrozen {
        /// The group, with its parent.
        group: String,
        /// What was wanted.
        frozen: bool,
        /// How long it was waited for.
        patience: Duration,
    },
    /// A process could not be signalled, or the mounts could not be read.
    #[error(transparent)]
    System(#[from] SysError),
}

impl CgroupError {
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// The first few processes: enough to look at, and no flood from a fork bomb.
fn by(pids: &[u32]) -> String {
    const SHOWN: usize = 10;
    if pids.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = pids.iter().take(SHOWN).map(u32::to_string).collect();
    let more = if pids.len() > SHOWN { ", ..." } else { "" };
    format!(" by {} processes: {}{more}", pids.len(), shown.join(", "))
}

impl Explain for CgroupError {
    fn code(&self) -> Code {
        match self {
            Self::Busy { .. } => Code::InUse,
            Self::Unkillable { .. } | Self::NotFrozen { .. } => Code::Deadline,
            Self::Parent(error) => error.code(),
            Self::System(error) => error.code(),
            Self::Frozen { .. } => Code::ContainerState,
            Self::File { .. } | Self::NoCgroups => Code::Cgroup,
        }
    }
}
