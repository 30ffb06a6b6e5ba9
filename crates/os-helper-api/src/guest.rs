//! Something that is written inside a guest.

use std::net::IpAddr;
use std::path::PathBuf;

use os_types::{Distribution, Hostname, IdMap};
use serde::{Deserialize, Serialize};

/// What is written, and in which guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestJob {
    /// In which guest.
    pub guest: GuestTarget,
    /// What.
    pub work: GuestWork,
}

/// How a guest is entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestTarget {
    /// Its root, with nothing mounted in it.
    Stopped(StoppedGuest),
    /// The namespaces of its init.
    Running(RunningGuest),
}

/// A guest that does not run, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppedGuest {
    /// The directory of its root, unshifted.
    pub root: PathBuf,
    /// Its users.
    pub uid_map: IdMap,
    /// Its groups.
    pub gid_map: IdMap,
}

/// A guest that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningGuest {
    /// Its init.
    pub init_pid: u32,
    /// Start time of init, field 22 of `/proc/<pid>/stat`, so that it is no other process.
    pub init_start: u64,
}

/// The job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestWork {
    /// Its name and its resolvers are written.
    Dress(Dress),
    /// Logged-in users get a message.
    Tell {
        /// The text, of any lines.
        message: String,
    },
}

/// What a guest is to know of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dress {
    /// Which files hold it.
    pub distribution: Distribution,
    /// Its name; none: that is the guest's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// Its DNS resolvers; none: they are the guest's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_resolvers: Vec<IpAddr>,
    /// The guest gets back the file that it had before resolvers were written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restore_resolvers: bool,
}

impl Dress {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.hostname.is_none() && self.dns_resolvers.is_empty() && !self.restore_resolvers
    }
}

/// What was written, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestReport {
    /// Files that were replaced, terminals that were written to, e.g. `/etc/hosts`.
    #[serde(default)]
    pub done: Vec<String>,
    /// What was not done, and why, e.g. `/etc/hosts was left alone: its owner may not write it`.
    #[serde(default)]
    pub left: Vec<String>,
}
