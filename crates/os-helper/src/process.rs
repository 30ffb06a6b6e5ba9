//! What `/proc` says of a process: proc(5).

use std::fs;

use os_sys::{PidFd, ProcessStat};

/// Init of a guest, held so that its number cannot come to mean another process.
///
/// *Errors*: as a sentence, if the process that began at `start` is gone.
pub(crate) fn hold(pid: u32, start: u64) -> Result<PidFd, String> {
    let held = PidFd::open(pid).map_err(|error| os_types::chain(&error))?;
    let is_same = |stat: ProcessStat| stat.start_time == start;
    let held = held.filter(|_| ProcessStat::read(pid).is_some_and(is_same));
    held.ok_or_else(|| "the container does not run any more".to_owned())
}

/// The id on the host of root in the namespace of a process; `kind` is `uid` or `gid`.
/// *Source*: `user_namespaces(7)`.
pub(crate) fn outside_of_root(pid: u32, kind: &str) -> Option<u32> {
    let map = fs::read_to_string(format!("/proc/{pid}/{kind}_map")).ok()?;
    let mut lines = map.lines().map(str::split_whitespace);
    lines.find_map(|mut line| {
        let (inside, outside) = (line.next()?, line.next()?);
        (inside == "0").then(|| outside.parse().ok())?
    })
}
