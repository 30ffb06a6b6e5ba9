//! Making and destroying what a pool is made of.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use os_cmd::{CommandError, Invocation, Output, Runner};
use os_sys::LoopDevice;
use os_sys::btrfs::{self, BtrfsDir};
use os_types::ByteSize;

use crate::image_file::{self, failed, unfinished};
use crate::pools::system;
use crate::{Change, PoolError, PoolPlace, PoolSource, PoolStatus};

/// Formatting writes little, but a full disk below may be slow to say so.
const FORMAT_DEADLINE: Duration = Duration::from_mins(5);

pub(super) fn create(
    runner: &dyn Runner,
    place: &PoolPlace,
    source: &PoolSource,
    size: ByteSize,
) -> Result<Change, PoolError> {
    match source {
        PoolSource::Image(path) => image_file::create(
            (&place.name, path),
            size,
            |path| recognise(runner, place, path),
            |unfinished| mkfs(runner, place, unfinished),
            image_file::remove,
        ),
        PoolSource::BlockDevice(path) => format_device(runner, place, path),
        PoolSource::Directory(path) => create_directory(place, path),
        PoolSource::Zpool => Err(PoolError::not_pool(
            source.path(),
            "a zpool is nothing for btrfs",
        )),
    }
}

fn format_device(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<Change, PoolError> {
    let meta = fs::metadata(path).map_err(|e| missing(path, e))?;
    if !meta.file_type().is_block_device() {
        return Err(PoolError::not_pool(path, "not a block device"));
    }
    // Without -f mkfs refuses a device that has anything on it; then it may be our own work.
    match mkfs(runner, place, path) {
        Ok(()) => Ok(Change::Created),
        Err(PoolError::Tool { source, .. }) if matches!(*source, CommandError::Failed { .. }) => {
            recognise(runner, place, path)
        }
        Err(e) => Err(e),
    }
}

fn mkfs(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<(), PoolError> {
    let command = || {
        Invocation::new("mkfs.btrfs")
            .args(["-q", "-L", place.name.as_str()])
            .arg(path)
            .deadline(FORMAT_DEADLINE)
    };
    match run_beside_others(runner, command) {
        Ok(_) => Ok(()),
        Err(e) if e.stderr().contains("No space left on device") => {
            let path = path.to_owned();
            Err(PoolError::NoSpace { path })
        }
        Err(error) => Err(PoolError::tool("format", &place.name, error)),
    }
}

/// Runs a program of btrfs-progs that checks whether its device is mounted. It looks at each mounted loop
/// device of the host for that, and fails if one of them is detached at this moment; then it runs again.
fn run_beside_others(
    runner: &dyn Runner,
    command: impl Fn() -> Invocation,
) -> Result<Output, CommandError> {
    const ATTEMPTS: usize = 10;
    for _ in 1..ATTEMPTS {
        match runner.run(command()) {
            Err(error) if error.stderr().contains("mount status") => {}
            ended => return ended,
        }
    }
    runner.run(command())
}

/// A source that is there is this pool if it is a btrfs that carries the pool's name as its label.
fn recognise(runner: &dyn Runner, place: &PoolPlace, path: &Path) -> Result<Change, PoolError> {
    let attached = LoopDevice::attached_to(path).map_err(|e| system("look at", path, e))?;
    // The program takes a device or a mount point; a plain file works too while it is unmounted,
    // but an attached one must be asked through its device.
    let asked = attached.as_ref().map_or(path, LoopDevice::node);
    let label = || {
        Invocation::new("btrfs")
            .args(["filesystem", "label"])
            .arg(asked)
    };
    match run_beside_others(runner, label) {
        Ok(output) if output.text().trim_end() == place.name.as_str() => Ok(Change::Unchanged),
        Ok(_) | Err(CommandError::Failed { .. }) => Err(PoolError::Exists {
            pool: place.name.clone(),
            path: path.to_owned(),
        }),
        Err(error) => Err(PoolError::tool("look at", &place.name, error)),
    }
}

fn create_directory(place: &PoolPlace, path: &Path) -> Result<Change, PoolError> {
    if path.symlink_metadata().is_ok() {
        check_directory(path)?;
        // A subvolume that is not prepared yet is the work of an interrupted attempt only if it is
        // still empty.
        let ours = super::attributes::read_text(path, super::attributes::GUID)
            .map_err(|e| system("look at", path, e))?;
        let mut entries = fs::read_dir(path).map_err(|e| failed("read", path, e))?;
        return if ours.is_some() || entries.next().is_none() {
            Ok(Change::Unchanged)
        } else {
            let path = path.to_owned();
            Err(PoolError::Exists {
                pool: place.name.clone(),
                path,
            })
        };
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(PoolError::not_pool(path, "its name cannot be used"));
    };
    let folder = btrfs::open_directory(parent).map_err(|e| missing_sys(parent, e))?;
    if btrfs::classify(&folder).map_err(|e| system("look at", parent, e))? == BtrfsDir::Foreign {
        return Err(PoolError::not_pool(parent, "it is not on btrfs"));
    }
    btrfs::create_subvolume(&folder, name).map_err(|e| system("create", path, e))?;
    btrfs::commit_transaction(&folder).map_err(|e| system("create", path, e))?;
    Ok(Change::Created)
}

/// A directory pool is the root of a subvolume.
pub(super) fn check_directory(path: &Path) -> Result<File, PoolError> {
    let dir = btrfs::open_directory(path).map_err(|e| missing_sys(path, e))?;
    match btrfs::classify(&dir).map_err(|e| system("look at", path, e))? {
        BtrfsDir::Subvolume => Ok(dir),
        BtrfsDir::Foreign => Err(PoolError::not_pool(path, "it is not on btrfs")),
        BtrfsDir::Plain | BtrfsDir::Placeholder => Err(PoolError::not_pool(
            path,
            "it is a directory and not a subvolume",
        )),
    }
}

pub(super) fn destroy(
    runner: &dyn Runner,
    place: &PoolPlace,
    source: &PoolSource,
    status: &PoolStatus,
) -> Result<Change, PoolError> {
    match status {
        PoolStatus::Missing => {
            return match source {
                PoolSource::Image(path) => image_file::remove(&unfinished(path)),
                PoolSource::BlockDevice(_) | PoolSource::Directory(_) | PoolSource::Zpool => {
                    Ok(Change::Unchanged)
                }
            };
        }
        PoolStatus::Closed => {}
        PoolStatus::HalfOpen | PoolStatus::Open { .. } => {
            return Err(PoolError::is_open(&place.name));
        }
    }
    match source {
        PoolSource::Image(path) => {
            image_file::remove(&unfinished(path))?;
            image_file::remove(path)
        }
        PoolSource::BlockDevice(path) => {
            let command = Invocation::new("wipefs")
                .args(["--all", "--types", "btrfs"])
                .arg(path);
            let output = runner.run(command);
            let output = output.map_err(|e| PoolError::tool("wipe", &place.name, e))?;
            let wiped = !output.stdout.is_empty();
            Ok(if wiped {
                Change::Removed
            } else {
                Change::Unchanged
            })
        }
        PoolSource::Directory(path) => destroy_directory(path),
        PoolSource::Zpool => Ok(Change::Unchanged),
    }
}

fn destroy_directory(path: &Path) -> Result<Change, PoolError> {
    let dir = check_directory(path)?;
    let id = btrfs::subvolume_of(&dir)
        .map_err(|e| system("look at", path, e))?
        .id;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(PoolError::not_pool(path, "its name cannot be used"));
    };
    let parent = btrfs::open_directory(parent).map_err(|e| system("open", parent, e))?;
    btrfs::destroy_subvolume_tree(&parent, name, id).map_err(|e| system("destroy", path, e))?;
    btrfs::commit_transaction(&parent).map_err(|e| system("destroy", path, e))?;
    Ok(Change::Removed)
}

fn missing(path: &Path, e: io::Error) -> PoolError {
    if e.kind() == io::ErrorKind::NotFound {
        PoolError::NotFound {
            path: path.to_owned(),
        }
    } else {
        failed("look at", path, e)
    }
}

fn missing_sys(path: &Path, e: os_sys::SysError) -> PoolError {
    match e.kind() {
        io::ErrorKind::NotFound => PoolError::NotFound {
            path: path.to_owned(),
        },
        io::ErrorKind::NotADirectory => PoolError::not_pool(path, "it is not a directory"),
        _ => system("open", path, e),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn loop_devices_that_are_detached_meanwhile_are_no_failure() {
        let runs = Cell::new(0);
        let command = || {
            runs.set(runs.get() + 1);
            let script = match runs.get() {
                1 => "echo 'ERROR: cannot check mount status of x: No such device' >&2; exit 1",
                _ => "echo done",
            };
            Invocation::new("sh").args(["-c", script])
        };
        let output = run_beside_others(&os_cmd::HostRunner::new(), command).unwrap();
        assert_eq!(output.text(), "done\n");
    }
}
