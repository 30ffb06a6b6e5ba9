//! Image files of pools, whatever is in them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use os_types::{ByteSize, PoolName};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::pools::system;
use crate::{Change, PoolError};

/// `mkfs.btrfs` needs 109 MiB and ZFS 64; below this a pool is full before it holds anything.
const LEAST: ByteSize = ByteSize::mib(128);

/// What an image is called until it is whole.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Makes the image under another name and renames it when `fill` has made it whole, so that an
/// image that is there always has a pool in it; whether it is this one, `recognise` says. What an
/// earlier attempt left, and this one if it fails, goes by `discard`.
pub(crate) fn create(
    (pool, path): (&PoolName, &Path),
    size: ByteSize,
    recognise: impl FnOnce(&Path) -> Result<Change, PoolError>,
    fill: impl FnOnce(&Path) -> Result<(), PoolError>,
    discard: impl Fn(&Path) -> Result<Change, PoolError>,
) -> Result<Change, PoolError> {
    if size < LEAST {
        let pool = pool.clone();
        return Err(PoolError::TooSmall { pool, least: LEAST });
    }
    if path.symlink_metadata().is_ok() {
        return recognise(path);
    }
    let unfinished = unfinished(path);
    discard(&unfinished)?;
    let made = make(&unfinished, size, fill).and_then(|()| put_in_place(&unfinished, path));
    if made.is_err() {
        discard(&unfinished)?;
    }
    made.map(|()| Change::Created)
}

fn make(
    path: &Path,
    size: ByteSize,
    fill: impl FnOnce(&Path) -> Result<(), PoolError>,
) -> Result<(), PoolError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| failed("create", path, e))?;
    file.set_len(size.0).map_err(|e| failed("size", path, e))?;
    fill(path)?;
    file.sync_all().map_err(|e| failed("write", path, e))
}

fn put_in_place(from: &Path, to: &Path) -> Result<(), PoolError> {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
        .map_err(|e| system("create", to, io::Error::from(e)))?;
    let folder = to.parent().unwrap_or_else(|| Path::new("/"));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| failed("write", folder, e))
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<Change, PoolError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(Change::Removed),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Change::Unchanged),
        Err(e) => Err(failed("remove", path, e)),
    }
}

/// What the kernel said of a file; a full disk is an error of its own.
pub(crate) fn failed(action: &'static str, path: &Path, e: io::Error) -> PoolError {
    if e.kind() == io::ErrorKind::StorageFull {
        let path = path.to_owned();
        PoolError::NoSpace { path }
    } else {
        system(action, path, e)
    }
}
