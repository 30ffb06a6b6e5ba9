//! Words: jobs and answers between the daemon and its helpers (ADR-14).
//!
//! `os-helper` is a program with one thread that does one job in another namespace, in a container's
//! control groups or as another user. This crate is the data that both sides exchange; it does no I/O.
//! `os_cmd::os_helper` starts the program.
//!
//! ```text
//!   osctld                                   os-helper job
//!     descriptor 0: a Call, as JSON ───────>   reads it
//!     descriptors 3, 4, ...: control groups,   takes a new session keyring, joins the groups
//!       then what the job takes                does the job
//!     descriptor 1 <──────────── one Answer, as JSON; or its end
//! ```
//!
//! A job that ends ([`Job::Guest`], [`Job::Unpack`]) answers once. [`Job::Start`] answers only if it fails:
//! descriptor 1 is closed when LXC is executed. [`Job::Enter`] answers [`Answer::Attending`] and goes on.
//! osctld kills a helper that does none of this before its deadline.
#![forbid(unsafe_code)]

mod enter;
mod guest;
mod start;
mod unpack;

use os_types::Failure;
use os_types::image::ImageInfo;
use serde::{Deserialize, Serialize};

pub use self::enter::{EnterJob, WindowSize};
pub use self::guest::{
    Dress, GuestJob, GuestReport, GuestTarget, GuestWork, RunningGuest, StoppedGuest,
};
pub use self::start::{Rlimit, RlimitValue, RootSource, StartJob};
pub use self::unpack::{UnpackJob, UnpackLimits, UnpackReport};

/// Maximum length of an answer, in bytes: it fits into the buffer of a pipe.
pub const ANSWER_LIMIT: usize = 32 << 10;

/// What a helper reads from descriptor 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// How many descriptors, from number 3, are files of control groups that the helper joins.
    pub groups: usize,
    /// What it does then.
    pub job: Job,
}

/// Something that a helper does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Become the LXC monitor of a container. Goes on.
    Start(Box<StartJob>),
    /// Run a command in a container for a client, whose socket is the descriptor behind the groups. Goes on.
    Enter(EnterJob),
    /// Write something inside a guest.
    Guest(GuestJob),
    /// Unpack an image into a new root, confined.
    Unpack(UnpackJob),
}

/// What a helper answers on descriptor 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// From now on the helper speaks with the client of its command.
    Attending,
    /// The guest was entered. The text is the guest's: it has to be escaped before it is shown.
    Guest(GuestReport),
    /// All of it is unpacked, and its checksum was right.
    Unpacked {
        /// What the image says of itself.
        image: ImageInfo,
        /// What was unpacked.
        report: UnpackReport,
    },
    /// The job was not done, or not to its end.
    Failed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_survives_its_descriptor() {
        let map: os_types::IdMap = vec!["0:100000:65536".parse().unwrap()].try_into().unwrap();
        let call = Call {
            groups: 3,
            job: Job::Guest(GuestJob {
                guest: GuestTarget::Stopped(StoppedGuest {
                    root: "/tank/ct/web/private".into(),
                    uid_map: map.clone(),
                    gid_map: map,
                }),
                work: GuestWork::Dress(Dress {
                    distribution: "debian".parse().unwrap(),
                    hostname: Some("web.example.org".parse().unwrap()),
                    dns_resolvers: vec!["2001:db8::1".parse().unwrap()],
                    restore_resolvers: false,
                }),
            }),
        };
        let text = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<Call>(&text).unwrap(), call);
    }
}
