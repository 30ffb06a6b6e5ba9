//! What `os-helper guest` is told, and what it answers.

use std::net::IpAddr;
use std::path::PathBuf;

use os_types::{Distribution, Hostname, IdMap};
use serde::{Deserialize, Serialize};

/// Something to be done inside a guest. JSON on a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestJob {
    /// In which guest.
    pub guest: Which,
    /// What.
    pub work: GuestWork,
}

/// How a guest is entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Its root, with nothing mounted in it.
    Stopped(StoppedGuest),
    /// The namespaces of its init.
    Running(RunningGuest),
}

/// A guest that does not run, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppedGuest {
    /// The folder of its root, unshifted.
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

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestWork {
    /// Its name and its resolvers are written.
    Dress(Dress),
    /// Logged-in users are told something.
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
}

impl Dress {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.hostname.is_none() && self.dns_resolvers.is_empty()
    }
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Files that were replaced, terminals that were written to, e.g. `/etc/hosts`.
    #[serde(default)]
    pub done: Vec<String>,
    /// What was not done, and why, e.g. `/etc/hosts was left alone: its owner may not write it`.
    #[serde(default)]
    pub left: Vec<String>,
}

/// One line of JSON. Whoever reads it has to bound it, and to take it for words of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestAnswer {
    /// The guest was entered.
    Done(Report),
    /// It was not.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_its_descriptor() {
        let map = IdMap::try_from(vec!["0:100000:65536".parse().unwrap()]).unwrap();
        let job = GuestJob {
            guest: Which::Stopped(StoppedGuest {
                root: "/tank/ct/web/private".into(),
                uid_map: map.clone(),
                gid_map: map,
            }),
            work: GuestWork::Dress(Dress {
                distribution: "debian".parse().unwrap(),
                hostname: Some("web.example.org".parse().unwrap()),
                dns_resolvers: vec!["2001:db8::1".parse().unwrap()],
            }),
        };
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<GuestJob>(&text).unwrap(), job);
    }
}
