//! Mounting and unmounting datasets at the place that their name says.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_sys::{Access, MountEntry, MountTable, mount_filesystem, patience, read_xattr, set_xattr};
use os_types::DatasetName;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use rustix::io::Errno;

use super::contents::Contents;
use super::listing::Dataset;
use crate::pools::system;
use crate::{PoolError, PoolPlace, StorageError, holders};

/// On a directory that a dataset is, or was, mounted over. Closed to everybody but root of the host.
const PLACEHOLDER: &str = "trusted.osctl.placeholder";

/// How long a dataset may be busy before it is an error.
pub(super) const BUSY_PATIENCE: Duration = Duration::from_secs(1);

/// What is mounted of a pool here: datasets of it, in the order in which they were mounted.
pub(super) fn mounted(pool: &str) -> Result<Vec<MountEntry>, StorageError> {
    let table = MountTable::read().map_err(|e| StorageError::sys("look at mounts of", &pool, e))?;
    let ours = |entry: &&MountEntry| entry.fstype == "zfs" && is_below(&entry.source, pool);
    Ok(table.iter().filter(ours).cloned().collect())
}

/// Whether a mount is of a dataset or of one below it. Snapshots that somebody looks into through
/// `.zfs` are mounts too, as `tank/a@s`.
fn is_below(source: &Path, dataset: &str) -> bool {
    let rest = source.to_str().and_then(|s| s.strip_prefix(dataset));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
}

impl Contents {
    /// Whether a dataset is mounted at its place.
    pub(super) fn is_mounted(&self, dataset: &DatasetName) -> Result<bool, StorageError> {
        let present = mounted(dataset.as_str())?;
        let path = self.path(dataset);
        Ok(present
            .iter()
            .any(|entry| entry.source == Path::new(dataset.as_str()) && entry.mount_point == path))
    }

    /// Mounts a dataset that was made just now, unless `zfs` has.
    pub(super) fn mount_new(&self, dataset: &DatasetName) -> Result<(), StorageError> {
        if self.is_mounted(dataset)? {
            return Ok(());
        }
        match dataset.parent() {
            Some(parent) if self.is_mounted(&parent)? => self.mount(dataset),
            _ => self.mount_tree(dataset).map(drop),
        }
    }

    /// Mounts a dataset and those below it which are not mounted. Whether there were any.
    pub(super) fn mount_tree(&self, top: &DatasetName) -> Result<bool, StorageError> {
        let datasets = self.tree(top)?;
        self.mount_all(&datasets)
    }

    /// `datasets` are parents before children.
    pub(super) fn mount_all(&self, datasets: &[Dataset]) -> Result<bool, StorageError> {
        let present = mounted(self.place.name.as_str())?;
        let mut skipped: Vec<&DatasetName> = Vec::new();
        let mut any = false;
        for dataset in datasets {
            let name = &dataset.info.name;
            let there = |entry: &MountEntry| entry.source == Path::new(name.as_str());
            if present.iter().any(there) {
                continue;
            }
            if skipped.iter().any(|above| name.is_below(above)) || self.is_not_mounted(dataset) {
                skipped.push(name);
                continue;
            }
            self.mount(name)?;
            any = true;
        }
        Ok(any)
    }

    /// Datasets that are somebody else's business, or cannot be had.
    fn is_not_mounted(&self, dataset: &Dataset) -> bool {
        let name = &dataset.info.name;
        if dataset.locked {
            tracing::warn!(dataset = %name, "not mounted: its key is not loaded");
            return true;
        }
        if *name == self.top() {
            return false;
        }
        let elsewhere = |wanted: &String| Path::new(wanted) != self.path(name);
        !dataset.mountable
            || dataset.mountpoint.as_ref().is_some_and(elsewhere)
            || self.is_partial(dataset)
    }

    /// Mounts one dataset, whose parent is mounted.
    fn mount(&self, dataset: &DatasetName) -> Result<(), StorageError> {
        let path = self.path(dataset);
        let failed = |e: Errno| StorageError::io("mount", dataset, e.into());
        let target = if *dataset == self.top() {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            openat(CWD, &path, flags, Mode::empty()).map_err(failed)?
        } else {
            self.placeholder(dataset).map_err(failed)?
        };
        // What is behind .zfs/snapshot is mounted by a program that needs the path.
        let place = path.to_string_lossy();
        let options = if place.contains(',') {
            String::new()
        } else {
            format!("mntpoint={place}")
        };
        let source = Path::new(dataset.as_str());
        mount_filesystem(
            source,
            &by_number(&target),
            "zfs",
            Access::ReadWrite,
            &options,
        )
        .map_err(|e| StorageError::sys("mount", dataset, e))
    }

    /// The directory to mount a dataset over; made, and marked as what it is, if it is missing.
    fn placeholder(&self, dataset: &DatasetName) -> Result<OwnedFd, Errno> {
        let folder = self.parent_folder(dataset)?;
        let name = last_part(dataset);
        let made = match mkdirat(&folder, name, Mode::RWXU) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(e) => return Err(e),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let target = openat(&folder, name, flags, Mode::empty())?;
        if made && let Err(error) = set_xattr(&by_number(&target).join("."), PLACEHOLDER, b"") {
            // A pool of somebody else without attributes; it only blocks the name in clones.
            tracing::debug!(%dataset, %error, "placeholder is not marked");
        }
        Ok(target)
    }

    /// The directory that a dataset's name is in, through nothing that a guest could have put there.
    fn parent_folder(&self, dataset: &DatasetName) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, self.root(), flags, Mode::empty())?;
        let relative = dataset.relative();
        match relative.rsplit_once('/') {
            None => Ok(root),
            Some((above, _)) => {
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
                openat2(&root, above, flags, Mode::empty(), resolve)
            }
        }
    }

    /// Whether something is where a new dataset would be mounted: not a directory that one was
    /// mounted over before, which is used again.
    pub(super) fn is_place_taken(&self, dataset: &DatasetName) -> Result<bool, StorageError> {
        let failed = |e: Errno| StorageError::io("look at", dataset, e.into());
        let folder = match self.parent_folder(dataset) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(false),
            Err(e) => return Err(failed(e)),
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = match openat(&folder, last_part(dataset), flags, Mode::empty()) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(false),
            Err(e) => return Err(failed(e)),
        };
        // With a dot at the end only a directory is found, not what a link leads to.
        let path = by_number(&found).join(".");
        let marked = matches!(read_xattr(&path, PLACEHOLDER), Ok(Some(_)));
        let empty = || std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
        Ok(!(marked && empty()))
    }

    /// Unmounts everything that is mounted below a dataset; with `whole` also the dataset.
    ///
    /// *Errors*: `Busy`; then everything is mounted as before.
    pub(super) fn unmount_tree(&self, top: &DatasetName, part: Part) -> Result<(), StorageError> {
        let mut entries = mounted(top.as_str())?;
        if part == Part::Below {
            entries.retain(|entry| entry.source != Path::new(top.as_str()));
        }
        let unmounted = unmount(top, &entries);
        if unmounted.is_err()
            && let Err(error) = self.mount_tree(top)
        {
            tracing::warn!(dataset = %top, %error, "datasets stay unmounted");
        }
        unmounted
    }

    /// Removes the directory that a dataset was mounted over, while its dataset is still
    /// known, so that a crash leaves no unexplained directory.
    pub(super) fn drop_placeholder(&self, dataset: &DatasetName) {
        let removed = self.parent_folder(dataset).and_then(|folder| {
            rustix::fs::unlinkat(folder, last_part(dataset), rustix::fs::AtFlags::REMOVEDIR)
        });
        if let Err(error) = removed {
            tracing::debug!(%dataset, %error, "directory not removed");
        }
    }

    /// Adds who is in the way to an error that says only that somebody is.
    pub(super) fn name_holders(&self, dataset: &DatasetName, error: StorageError) -> StorageError {
        match error {
            StorageError::Busy { object, .. } => {
                let entries = mounted(dataset.as_str()).unwrap_or_default();
                let mut found = holders::mounts(&entries);
                found.extend(holders::processes(&self.path(dataset)));
                StorageError::Busy {
                    object,
                    holders: found,
                }
            }
            other => other,
        }
    }
}

/// How much is unmounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Only what is below.
    Below,
    /// All of it.
    Whole,
}

/// Unmounts mounts, the last first.
///
/// Other mounts of the same datasets are looked for before: unmounting ours would succeed, but ZFS
/// would go on to call them busy, without a name.
pub(super) fn unmount(
    object: &dyn std::fmt::Display,
    entries: &[MountEntry],
) -> Result<(), StorageError> {
    if entries.is_empty() {
        return Ok(());
    }
    let busy = |holders| StorageError::Busy {
        object: object.to_string(),
        holders,
    };
    let mut in_the_way = Vec::new();
    let free = patience::until(BUSY_PATIENCE, || {
        in_the_way = holders::mounts(entries);
        Ok::<_, StorageError>(in_the_way.is_empty().then_some(()))
    })?;
    if free.is_none() {
        return Err(busy(in_the_way));
    }
    for entry in entries.iter().rev() {
        let done = patience::until(BUSY_PATIENCE, || {
            match os_sys::unmount(&entry.mount_point) {
                Ok(()) => Ok(Some(())),
                Err(e) if e.errno() == Some(Errno::BUSY.raw_os_error()) => Ok(None),
                Err(e) => Err(StorageError::sys("unmount", object, e)),
            }
        })?;
        if done.is_none() {
            return Err(busy(holders::processes(&entry.mount_point)));
        }
    }
    Ok(())
}

fn last_part(dataset: &DatasetName) -> &OsStr {
    let text = dataset.as_str();
    OsStr::new(text.rsplit('/').next().unwrap_or(text))
}

/// A path to exactly what is open, whatever happens to its name.
fn by_number(fd: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Whether the pool is mounted at its place.
///
/// *Errors*: `MountpointTaken` if something else is mounted there.
pub(super) fn check_place(place: &PoolPlace) -> Result<bool, PoolError> {
    let at = &place.mountpoint;
    let table = MountTable::read().map_err(|e| system("look at", at, e))?;
    let Some(entry) = table.at(at) else {
        return Ok(false);
    };
    if entry.fstype == "zfs" && entry.source == Path::new(place.name.as_str()) {
        return Ok(true);
    }
    Err(PoolError::MountpointTaken {
        mountpoint: at.clone(),
        by: format!("{} ({})", entry.source.display(), entry.fstype),
    })
}
