//! Where this host finds pools: one symbolic link a pool.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use os_engine::Readiness;
use os_storage::{PoolSource, ZFS_DEVICE};
use os_store::atomic;
use os_types::{Code, Failure, PoolName};

use super::{Steps, fail};

/// Where the link `link` of a pool leads, `None` if there is no link.
pub(crate) fn read(link: &Path) -> Result<Option<PathBuf>, Failure> {
    match fs::read_link(link) {
        Ok(path) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(
            Code::Step,
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

impl Steps {
    /// A host that forgets where a pool is forgets the ids of its users, too.
    pub(super) fn look_source(
        &self,
        pool: &PoolName,
        before: Option<&Path>,
        after: Option<&Path>,
    ) -> Result<Readiness, Failure> {
        let state = self.state();
        let is_remembered = state.remembered().pools.contains_key(pool);
        Ok(match look(&self.paths().source(pool), before, after)? {
            Readiness::Done if after.is_none() && is_remembered => Readiness::Ready,
            other => other,
        })
    }

    pub(super) fn set_source(&self, pool: &PoolName, after: Option<&Path>) -> Result<(), Failure> {
        go(&self.paths().source(pool), after)?;
        if after.is_none() {
            let changed = self.cache.change(|state| state.forget(pool));
            self.news.changed(changed);
        }
        Ok(())
    }
}

fn look(link: &Path, before: Option<&Path>, after: Option<&Path>) -> Result<Readiness, Failure> {
    let found = read(link)?;
    Ok(if found.as_deref() == after {
        Readiness::Done
    } else if found.as_deref() == before {
        Readiness::Ready
    } else {
        Readiness::Conflict(format!("{} leads to {found:?}", link.display()))
    })
}

fn go(link: &Path, after: Option<&Path>) -> Result<(), Failure> {
    let changed = match after {
        Some(target) => atomic::symlink(link, target),
        None => atomic::remove(link),
    };
    changed.map(drop).map_err(|error| fail::file(&error))
}
