//! Reading, writing and walking a cgroup file system, where groups may vanish at any moment.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::CgroupError;

/// `ENODEV`: the file is open or was found, but its group is being removed.
const NO_DEVICE: i32 = 19;
/// `EOPNOTSUPP`: `cgroup.procs` of a threaded group; its processes are listed above it.
const NOT_SUPPORTED: i32 = 95;
/// A directory without directories: its name, and the `.` in it.
const LINKS_OF_A_LEAF: u64 = 2;

/// The text of a file; None if the group or the file is not there.
pub(crate) fn read(path: &Path) -> Result<Option<String>, CgroupError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(CgroupError::file("read", path, error)),
    }
}

/// Writes a value in one write, as the kernel wants it.
pub(crate) fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    File::options()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(value.as_bytes()))
        .map_err(|error| CgroupError::file("write", path, error))
}

/// Like [`write()`], but fine if the group or the file is not there; says whether it was.
pub(crate) fn write_if_there(path: &Path, value: &str) -> Result<bool, CgroupError> {
    match write(path, value) {
        Ok(()) => Ok(true),
        Err(CgroupError::File { source, .. }) if is_gone(&source) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A group and all groups below it, deepest first; empty if it is not there.
pub(crate) fn groups(top: &Path) -> Result<Vec<PathBuf>, CgroupError> {
    let mut found = Vec::new();
    let mut open = vec![top.to_owned()];
    // A loop and not recursion: guests choose the depth of what is below their group.
    while let Some(folder) = open.pop() {
        match below(&folder) {
            Ok(groups) => open.extend(groups),
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(CgroupError::file("list", &folder, error)),
        }
        found.push(folder);
    }
    // Each directory was found before those below it.
    found.reverse();
    Ok(found)
}

/// The groups directly below one.
///
/// A directory has a link for each directory in it (`kernfs`, as most file systems), so most groups need
/// not be listed at all: each has some dozens of files, and most have no group.
fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut groups = Vec::new();
    if fs::symlink_metadata(folder)?.nlink() == LINKS_OF_A_LEAF {
        return Ok(groups);
    }
    for entry in fs::read_dir(folder)? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if is_gone(&error) => break,
            Err(error) => return Err(error),
        };
        if entry.file_type()?.is_dir() {
            groups.push(entry.path());
        }
    }
    Ok(groups)
}

/// The processes in a group and below it.
pub(crate) fn processes(top: &Path) -> Result<BTreeSet<u32>, CgroupError> {
    let mut pids = BTreeSet::new();
    for group in groups(top)? {
        let path = group.join("cgroup.procs");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if is_gone(&error) || error.raw_os_error() == Some(NOT_SUPPORTED) => {
                continue;
            }
            Err(error) => return Err(CgroupError::file("read", &path, error)),
        };
        // 0 stands for a process of another pid namespace: it is there, but cannot be named.
        pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    }
    Ok(pids)
}

pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_DEVICE)
}
