//! Limits of a process.

use std::io;
use std::sync::OnceLock;

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

/// The limits of open descriptors as this process found them; absent if they were not raised.
static FOUND: OnceLock<Rlimit> = OnceLock::new();

/// Lets this process have up to `most` descriptors, as far as its hard limit allows. What it starts
/// gets the limit that it had itself: many programs close every number below their limit.
pub fn raise_descriptors(most: u64) -> Result<(), SysError> {
    let found = rustix::process::getrlimit(Resource::Nofile);
    let wanted = found.maximum.map_or(most, |hard| hard.min(most));
    if found.current.is_none_or(|soft| soft >= wanted) {
        return Ok(());
    }
    set_limit("nofile", Some(wanted), found.maximum)?;
    FOUND.get_or_init(|| found);
    Ok(())
}

/// The limit of descriptors for what this process starts, if it is not its own.
pub(crate) fn descriptors_of_children() -> Option<libc::rlimit> {
    let limit = |value: Option<u64>| value.unwrap_or(libc::RLIM_INFINITY);
    FOUND.get().map(|found| libc::rlimit {
        rlim_cur: limit(found.current),
        rlim_max: limit(found.maximum),
    })
}
