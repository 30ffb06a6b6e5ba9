//! The directory that a pool is mounted over.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::PoolError;
use crate::pools::system;

/// Makes the mount point; refuses one that hides somebody's files.
pub(crate) fn prepare_mountpoint(path: &Path) -> Result<(), PoolError> {
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(system("create", path, e)),
    }
    let taken = |by: &str| PoolError::MountpointTaken {
        mountpoint: path.to_owned(),
        by: by.to_owned(),
    };
    let meta = path
        .symlink_metadata()
        .map_err(|e| system("look at", path, e))?;
    if !meta.is_dir() {
        return Err(taken("something that is not a directory"));
    }
    let mut entries = fs::read_dir(path).map_err(|e| system("read", path, e))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(taken("files in it")),
    }
}
