//! Limits of a process.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit};
use rustix::thread::CapabilitySet;

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
    let shown =
        |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |it| it.to_string());
    let object = format!("{name} to {}:{}", shown(soft), shown(hard));
    let failed = |e: io::Error| SysError::new("set limit", &object, e);
    let Some((_, resource)) = NAMES.iter().find(|(known, _)| *known == name) else {
        return Err(failed(io::Error::from_raw_os_error(libc::EINVAL)));
    };
    let limit = Rlimit {
        current: soft,
        maximum: hard,
    };
    rustix::process::setrlimit(*resource, limit).map_err(|e| failed(e.into()))
}

/// The highest hard limit that this process can set; `None`: any.
///
/// *Source*: setrlimit(2); `do_prlimit` asks for `CAP_SYS_RESOURCE` in the first user namespace, and
/// takes no more descriptors than `fs.nr_open` from anybody.
pub fn highest_limit(name: &str) -> Option<u64> {
    let (_, resource) = NAMES.iter().find(|(known, _)| *known == name)?;
    let own = rustix::process::getrlimit(*resource).maximum;
    let own = own.filter(|_| !is_privileged());
    let of_kernel = (*resource == Resource::Nofile)
        .then(|| {
            std::fs::read_to_string("/proc/sys/fs/nr_open")
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .flatten();
    own.into_iter().chain(of_kernel).min()
}

/// Whether this process may raise its limits. True if that is unknown: then the kernel
/// decides when the limit is set.
fn is_privileged() -> bool {
    let has = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RESOURCE));
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_first = map.is_empty() || map.split_whitespace().eq(["0", "0", "4294967295"]);
    has && is_first
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
