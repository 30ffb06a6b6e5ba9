//! Where this host finds pools: one symbolic link a pool.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use os_storage::{PoolSource, ZFS_DEVICE};
use os_types::{Code, Failure, PoolName};

/// Where the link `link` of a pool leads, `None` if there is no link.
pub(crate) fn read(link: &Path) -> Result<Option<PathBuf>, Failure> {
    match fs::read_link(link) {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(
            Code::File,
            format!("cannot read link {}: {error}", link.display()),
        )),
    }
}

/// What is at `path`; what is missing counts as an image, whose absence is then told.
pub(crate) fn kind(path: PathBuf) -> PoolSource {
    match fs::metadata(&path).map(|found| found.file_type()) {
        Ok(kind) if kind.is_dir() => PoolSource::Directory(path),
        Ok(kind) if kind.is_block_device() => PoolSource::BlockDevice(path),
        _ if path == Path::new(ZFS_DEVICE) => PoolSource::Zpool,
        _ => PoolSource::Image(path),
    }
}

/// The source of a pool that this host knows.
pub(crate) fn of(link: &Path, pool: &PoolName) -> Result<PoolSource, Failure> {
    read(link)?.map(kind).ok_or_else(|| {
        Failure::new(
            Code::NotFound,
            format!("this host does not know a pool {pool}"),
        )
        .about(format!("pool {pool}"))
        .next(format!("osctl pool import --source PATH {pool}"))
    })
}
