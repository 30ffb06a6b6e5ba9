//! The ZFS backend, through the programs `zpool` and `zfs`.
//!
//! ```text
//!   zpool tank                 the pool; its own dataset is mounted at <mountpoint>
//!     tank/ct/a                dataset: mounted at <mountpoint>/ct/a
//!     tank/ct/a@s              its snapshot
//! ```
//!
//! Here the traits mean what ZFS means by the same words; what is worth knowing:
//!
//! - A listing of datasets is one `zfs get -j`, whatever their number, and one of snapshots one
//!   `zfs list`. Only what is set on a dataset itself counts: ZFS lets children inherit properties
//!   of osctl, and for us they do not.
//! - Datasets are mounted and unmounted by this process, by system calls: nosuid, nodev, at the
//!   place that their name says, never through a symlink. The directory that one is mounted over
//!   carries the attribute `trusted.osctl.placeholder`, so that a clone or a rollback that has such
//!   a directory in it is distinguished from a directory that somebody made.
//! - An inspection is an import read-only with the alternate root `/osctl-inspection`, which
//!   is never mounted under it; one that a crash left is recognised by it and exported.
//! - Streams are raw (`zfs send -w`): what is encrypted stays so on the way. A transfer into a new
//!   dataset that broke off is a dataset for ZFS and none for us until it is complete.
//!
//! *Source*: zfs(8), zpool(8) of OpenZFS 2.3, the first with `-j`.

use std::sync::Arc;

use os_cmd::Runner;

use crate::pools::{Inspection, Takeover};
use crate::{Change, NewImage, PoolContents, PoolError, PoolPlace, PoolSource, PoolStatus, Pools};

mod closing;
mod contents;
mod dataset_ops;
mod edits;
mod errors;
mod imported;
mod listing;
mod mounts;
mod opening;
mod receiving;
mod sending;
mod snapshot_ops;
mod source;
mod token;
mod views;

pub(crate) use self::source::has_label;

/// Pools that are zpools: found by name, or on one image file or block device.
#[derive(Debug, Clone)]
pub struct Zfs {
    runner: Arc<dyn Runner>,
}

impl Zfs {
    /// `runner` runs the programs of ZFS.
    pub fn new(runner: Arc<dyn Runner>) -> Self {
        Self { runner }
    }

    fn open_contents(&self, place: &PoolPlace) -> contents::Contents {
        contents::Contents::new(place.clone(), Arc::clone(&self.runner))
    }
}

impl Pools for Zfs {
    fn create(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        image: Option<NewImage>,
    ) -> Result<Change, PoolError> {
        let size = image.map(|image| image.size).unwrap_or_default();
        source::create(&*self.runner, place, source, size)
    }

    fn open(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        takeover: Takeover,
        inspect: Inspection<'_>,
    ) -> Result<Change, PoolError> {
        opening::open(&self.open_contents(place), source, takeover, inspect)
    }

    fn close(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        closing::close(&self.open_contents(place), source)
    }

    fn status(&self, place: &PoolPlace, source: &PoolSource) -> Result<PoolStatus, PoolError> {
        opening::status(&*self.runner, place, source)
    }

    fn destroy(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        source::destroy(&*self.runner, place, source)
    }

    fn contents(&self, place: &PoolPlace) -> Box<dyn PoolContents> {
        Box::new(self.open_contents(place))
    }
}
