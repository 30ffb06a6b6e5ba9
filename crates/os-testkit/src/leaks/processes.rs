//! Processes that a sandbox left, and mounts that only they see.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use os_sys::{PidFd, Signal};

/// A process that belongs to a sandbox.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    why: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        write!(f, "process {} {:?} {}", self.pid, name.trim(), self.why)
    }
}

impl Process {
    pub(super) fn kill(&self) -> anyhow::Result<()> {
        let Some(held) = PidFd::open(self.pid)? else {
            return Ok(());
        };
        held.send_signal(Signal::KILL)?;
        let gone = held.wait_exit(Duration::from_secs(10))?;
        ensure!(gone, "{self} cannot be killed");
        Ok(())
    }
}

/// Processes in a control group of `parent`, or whose program, root or working directory is below
/// `root`. One that has ended and waits for its parent holds nothing, and does not count.
pub(super) fn of(root: &Path, parent: &str) -> anyhow::Result<Vec<Process>> {
    let mut found = Vec::new();
    for pid in pids()? {
        let why = group(pid, parent).or_else(|| place(pid, root));
        if let Some(why) = why.filter(|_| !is_zombie(pid)) {
            found.push(Process { pid, why });
        }
    }
    Ok(found)
}

/// Mounts below `root` in mount namespaces other than ours, by one of their processes: the kernel
/// keeps a file system busy that is mounted in any of them.
pub(super) fn foreign_mounts(root: &Path) -> anyhow::Result<Vec<String>> {
    let own = fs::read_link("/proc/self/ns/mnt")?;
    let mut namespaces: BTreeMap<PathBuf, u32> = BTreeMap::new();
    for pid in pids()? {
        // A process may be gone by now.
        if let Ok(namespace) = fs::read_link(format!("/proc/{pid}/ns/mnt")) {
            namespaces.entry(namespace).or_insert(pid);
        }
    }
    namespaces.remove(&own);
    let mut found = Vec::new();
    for pid in namespaces.into_values() {
        let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let points = table.lines().filter_map(|line| line.split(' ').nth(4));
        let below = points.filter(|point| Path::new(point).starts_with(root));
        found.extend(below.map(|point| format!("mount {point} seen by process {pid}")));
    }
    Ok(found)
}

fn pids() -> anyhow::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.collect())
}

fn group(pid: u32, parent: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let mut paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let path = paths.find(|path| Path::new(path.trim_start_matches('/')).starts_with(parent))?;
    Some(format!("in control group {path}"))
}

fn place(pid: u32, root: &Path) -> Option<String> {
    ["exe", "root", "cwd"].iter().find_map(|name| {
        let target = fs::read_link(format!("/proc/{pid}/{name}")).ok()?;
        let below = target.starts_with(root);
        below.then(|| format!("with {name} {}", target.display()))
    })
}

fn is_zombie(pid: u32) -> bool {
    // One that is gone meanwhile is as good as ended.
    os_sys::ProcessStat::read(pid).is_none_or(|stat| matches!(stat.state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_in_a_folder_is_found_and_killed() {
        let dir = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a process to be found")]
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .current_dir(dir.path())
            .spawn()
            .unwrap();
        let found = of(dir.path(), "no-such-group").unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let told = found[0].to_string();
        assert!(told.contains("\"sleep\" with cwd"), "{told}");
        found[0].kill().unwrap();
        assert!(of(dir.path(), "no-such-group").unwrap().is_empty());
        child.wait().unwrap();
    }
}
