//! All backends as one: what a pool is made of decides.

use std::path::Path;
use std::sync::Arc;

use os_cmd::Runner;
use os_types::FileSystem;

use crate::image_file;
use crate::pools::{Inspection, Takeover};
use crate::{
    Btrfs, Change, NewImage, PoolContents, PoolError, PoolPlace, PoolSource, PoolStatus, Pools, Zfs,
};

/// `ZFS_SUPER_MAGIC`. *Source*: `include/sys/fs/zfs.h` of OpenZFS.
const ZFS_MAGIC: i128 = 0x2fc1_2fc1;

/// Btrfs and ZFS.
///
/// A zpool is asked for by [`PoolSource::Zpool`] or [`NewImage`], or is an image or block device with a
/// label of ZFS; everything else is btrfs.
#[derive(Debug, Clone)]
pub struct Backends {
    btrfs: Btrfs,
    zfs: Zfs,
}

impl Backends {
    /// `runner` runs the programs of both.
    pub fn new(runner: Arc<dyn Runner>) -> Self {
        Self {
            btrfs: Btrfs::new(Arc::clone(&runner)),
            zfs: Zfs::new(runner),
        }
    }

    fn of(&self, source: &PoolSource) -> &dyn Pools {
        let zfs = match source {
            PoolSource::Zpool => true,
            PoolSource::Directory(_) => false,
            PoolSource::BlockDevice(path) => crate::zfs::has_label(path),
            // Also one that was interrupted while it was made.
            PoolSource::Image(path) => [path, &image_file::unfinished(path)]
                .into_iter()
                .any(|path| crate::zfs::has_label(path)),
        };
        if zfs { &self.zfs } else { &self.btrfs }
    }
}

impl Pools for Backends {
    fn create(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        image: Option<NewImage>,
    ) -> Result<Change, PoolError> {
        let backend: &dyn Pools = match (source, image.map(|image| image.file_system)) {
            (PoolSource::Image(_), Some(FileSystem::Zfs)) => &self.zfs,
            (PoolSource::Image(_), Some(FileSystem::Btrfs)) => &self.btrfs,
            _ => self.of(source),
        };
        backend.create(place, source, image)
    }

    fn open(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        takeover: Takeover,
        inspect: Inspection<'_>,
    ) -> Result<Change, PoolError> {
        self.of(source).open(place, source, takeover, inspect)
    }

    fn close(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        self.of(source).close(place, source)
    }

    fn status(&self, place: &PoolPlace, source: &PoolSource) -> Result<PoolStatus, PoolError> {
        self.of(source).status(place, source)
    }

    fn destroy(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        self.of(source).destroy(place, source)
    }

    fn contents(&self, place: &PoolPlace) -> Box<dyn PoolContents> {
        if is_zfs(&place.mountpoint) {
            self.zfs.contents(place)
        } else {
            self.btrfs.contents(place)
        }
    }
}

/// Whether a path is on ZFS. The pool may be closed, and the path on the host's own file system:
/// either backend then says that there is no such pool.
fn is_zfs(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|found| i128::from(found.f_type) == ZFS_MAGIC)
}
