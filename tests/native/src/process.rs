//! Facts of processes, as the kernel of the host has them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use os_sys::{PidFd, Signal};
use os_testkit::Sandbox;

/// A field of `/proc/<pid>/status`, e.g. `Uid`: the numbers behind it.
///
/// # Errors
/// When there is no such process or field.
pub fn status(pid: u32, field: &str) -> Result<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let prefix = format!("{field}:");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    let line = line.with_context(|| format!("process {pid} has no {field}"))?;
    let numbers = line.split_whitespace().map(str::parse);
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// Memory of a process that is in RAM, in KiB.
///
/// # Errors
/// When there is no such process.
pub fn resident_kib(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("a process without memory")?.parse()?)
}

/// Lines of `/proc/<pid>/cgroup`: the path of each hierarchy.
///
/// # Errors
/// When there is no such process.
pub fn groups(pid: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    Ok(paths.map(str::to_owned).collect())
}

/// Processes that have a control group below that of a container of the sandbox; what of it is meant
/// stands in `below`, e.g. `lxc.payload`. One that has ended and waits for its parent is none.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn of_container(sandbox: &Sandbox, name: &str, below: &str) -> Result<Vec<u32>> {
    let parent = format!("/{}/", sandbox.cgroup_parent());
    let part = format!("/ct.{name}/user-owned/{below}");
    let within = |path: &String| path.contains(&parent) && path.contains(&part);
    let mut found = all()?;
    found.retain(|pid| groups(*pid).is_ok_and(|paths| paths.iter().any(within)));
    found.retain(|pid| is_alive(*pid));
    Ok(found)
}

/// Whether a process is there and has not ended.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// All processes.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn all() -> Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.collect())
}

/// The name of a process; empty if there is none.
#[must_use]
pub fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// Where a link of `/proc/<pid>` leads, e.g. `exe` or `ns/mnt`.
///
/// # Errors
/// When there is no such process.
pub fn link(pid: u32, name: &str) -> Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/{name}")).with_context(|| format!("{name} of {pid}"))
}

/// Sends a signal to a process that has to be there.
///
/// # Errors
/// When it is not.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let held = PidFd::open(pid)?.with_context(|| format!("no process {pid}"))?;
    held.send_signal(signal)?;
    Ok(())
}
