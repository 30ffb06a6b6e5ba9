//! Processes that keep a pool from being closed. The list is best effort, because processes start and exit.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use os_sys::{MountEntry, MountTable};

/// Somebody who keeps a pool from being closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process, or `None` for a mount.
    pub pid: Option<u32>,
    /// Name of the process.
    pub name: String,
    /// What it holds, for example `working directory /tank/ct` or `mount at /mnt`.
    pub what: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "{} ({pid}): {}", self.name, self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Holders as the end of a sentence, at most five of them.
pub(crate) fn list(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return "something that could not be found".to_owned();
    }
    let texts: Vec<_> = holders.iter().take(5).map(ToString::to_string).collect();
    let more = holders.len().saturating_sub(texts.len());
    if more == 0 {
        texts.join(", ")
    } else {
        format!("{} and {more} more", texts.join(", "))
    }
}

/// Other mounts of the same file system trees, here and in every other mount namespace.
pub(crate) fn mounts(ours: &[MountEntry]) -> Vec<Holder> {
    let Ok(own) = MountTable::read() else {
        return Vec::new();
    };
    let others = own.iter().filter(|e| ours.iter().all(|o| o.id != e.id));
    let mut found: Vec<_> = others
        .filter(|e| ours.iter().any(|o| is_same_tree(e, o) || is_below(e, o)))
        .map(of_mount)
        .collect();
    let mut seen = BTreeSet::from([fs::read_link("/proc/self/ns/mnt").unwrap_or_default()]);
    for (pid, proc) in processes_of_host() {
        let Ok(namespace) = fs::read_link(proc.join("ns/mnt")) else {
            continue;
        };
        if !seen.insert(namespace) {
            continue;
        }
        let table = MountTable::parse(&fs::read(proc.join("mountinfo")).unwrap_or_default());
        // A namespace that was copied from ours has a copy of our own mount. Where mounts
        // propagate it goes away with ours; where they do not it keeps the pool alive.
        let goes_along =
            |e: &MountEntry, ours: &MountEntry| match (table.parent_of(e), own.parent_of(ours)) {
                (Some(parent), Some(base)) => {
                    e.mount_point == ours.mount_point && parent.follows(base)
                }
                _ => false,
            };
        let holds = |e: &&MountEntry| {
            let mut same = ours.iter().filter(|o| is_same_tree(e, o));
            same.any(|o| !goes_along(e, o))
        };
        for entry in table.iter().filter(holds) {
            found.push(Holder {
                pid: Some(pid),
                name: name_of(&proc),
                what: format!("mount at {} in its namespace", entry.mount_point.display()),
            });
        }
    }
    found
}

fn is_below(entry: &MountEntry, ours: &MountEntry) -> bool {
    entry.mount_point != ours.mount_point && entry.mount_point.starts_with(&ours.mount_point)
}

pub(crate) fn of_mount(entry: &MountEntry) -> Holder {
    Holder {
        pid: None,
        name: String::new(),
        what: format!("mount at {}", entry.mount_point.display()),
    }
}

/// Mounts of one btrfs all show the same device number, whichever subvolume they start at; each
/// dataset of ZFS has one of its own.
fn is_same_tree(entry: &MountEntry, ours: &MountEntry) -> bool {
    entry.device == ours.device && entry.root.starts_with(&ours.root)
}

/// Processes with a file, directory or mapping below a path.
pub fn processes(mountpoint: &Path) -> Vec<Holder> {
    let mut found = Vec::new();
    for (pid, proc) in processes_of_host() {
        if let Some(what) = held_by(&proc, mountpoint) {
            found.push(Holder {
                pid: Some(pid),
                name: name_of(&proc),
                what,
            });
        }
    }
    found
}

fn processes_of_host() -> impl Iterator<Item = (u32, PathBuf)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path())))
}

fn name_of(proc: &Path) -> String {
    let name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn held_by(proc: &Path, mountpoint: &Path) -> Option<String> {
    let below = |link: PathBuf| {
        let target = fs::read_link(link).ok()?;
        target.starts_with(mountpoint).then_some(target)
    };
    if let Some(path) = below(proc.join("cwd")) {
        return Some(format!("working directory {}", path.display()));
    }
    if let Some(path) = below(proc.join("root")) {
        return Some(format!("root directory {}", path.display()));
    }
    let mut fds = fs::read_dir(proc.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    if let Some(path) = fds.find_map(|fd| below(fd.path())) {
        return Some(format!("open file {}", path.display()));
    }
    let maps = fs::read(proc.join("maps")).ok()?;
    let mapped = maps.split(|b| *b == b'\n').find_map(|line| {
        let start = line.iter().position(|b| *b == b'/')?;
        let path = Path::new(std::ffi::OsStr::from_bytes(line.get(start..)?));
        path.starts_with(mountpoint).then(|| path.to_owned())
    });
    mapped.map(|path| format!("mapped file {}", path.display()))
}
