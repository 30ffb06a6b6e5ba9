//! Limits of a process.

use std::io;

use rustix::process::{Resource, Rlimit};

use crate::SysError;

/// Names as in lxc.container.conf(5), `lxc.prlimit.*`.
const NAMES: &[(&str, Resource)] = &[
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("locks", Resource::Locks),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

/// Whether there is a limit of that name, e.g. `nofile`.
pub fn is_limit(name: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == name)
}

/// Limits this process and what it starts; `None` means unlimited.
///
/// *Errors*: `EINVAL` for an unknown name, or a soft limit above the hard one.
pub fn set_limit(name: &str, soft: Option<u64>, hard: Option<u64>) -> Result<(), SysError> {
    let failed = |e: io::Error| SysError::new("set limit", name, e);
    let Some((_, resource)) = NAMES.iter().find(|(known, _)| *known == name) else {
        return Err(failed(io::Error::from_raw_os_error(libc::EINVAL)));
    };
    let limit = Rlimit {
        current: soft,
        maximum: hard,
    };
    rustix::process::setrlimit(*resource, limit).map_err(|e| failed(e.into()))
}
