//! The btrfs backend.
//!
//! ```text
//!   <mountpoint>/                         the pool's own dataset: a subvolume
//!     ct/a/                               dataset tank/ct/a: a subvolume in a subvolume
//!     .snapshots/<guid of dataset>/<s>    its snapshot @s: a read-only subvolume
//!     .storage/staging/                   what is being made; emptied at open
//!     .storage/spool/                     broken transfers that can be resumed
//! ```
//!
//! What ZFS keeps in its own structures is in extended attributes `trusted.osctl.*` of the root of
//! a subvolume, which no guest can see or set: `guid`, `created`, `origin`, `quota`, `refquota`,
//! `prop.<key>`. Whatever lacks a `guid` is no dataset. The guid is ours and not the subvolume's
//! UUID, since a rollback puts another subvolume in its place.
//!
//! Where btrfs differs from ZFS: `quota` counts like `refquota`; a snapshot does not contain the
//! subvolumes that a guest made in its own tree; a received stream is kept in a file until it is
//! complete, since `btrfs receive` cannot go on where it stopped.

use std::sync::Arc;

use os_cmd::Runner;

use crate::pools::{Inspection, Takeover};
use crate::{Change, NewImage, PoolContents, PoolError, PoolPlace, PoolSource, PoolStatus, Pools};

mod attributes;
mod catalog;
mod closing;
mod contents;
mod dataset_ops;
mod opening;
mod receiving;
mod replacing;
mod sending;
mod snapshot_ops;
mod source;
mod spool;
mod staging;
mod stream_head;

/// Pools made of btrfs: image files, disks, or directories of a btrfs that is mounted already.
#[derive(Debug, Clone)]
pub struct Btrfs {
    runner: Arc<dyn Runner>,
}

impl Btrfs {
    /// `runner` runs the programs of btrfs.
    pub fn new(runner: Arc<dyn Runner>) -> Self {
        Self { runner }
    }
}

impl Pools for Btrfs {
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
        _takeover: Takeover,
        inspect: Inspection<'_>,
    ) -> Result<Change, PoolError> {
        let change = opening::open(place, source, inspect)?;
        let contents = self.open_contents(place);
        let prepared = contents.prepare().and_then(|()| contents.heal());
        match prepared {
            Ok(()) => Ok(change),
            Err(source) => Err(PoolError::Contents {
                pool: place.name.clone(),
                source,
            }),
        }
    }

    fn close(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        closing::close(place, source)
    }

    fn status(&self, place: &PoolPlace, source: &PoolSource) -> Result<PoolStatus, PoolError> {
        opening::status(place, source)
    }

    fn destroy(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
        let status = opening::status(place, source)?;
        source::destroy(&*self.runner, place, source, &status)
    }

    fn contents(&self, place: &PoolPlace) -> Box<dyn PoolContents> {
        Box::new(self.open_contents(place))
    }
}

impl Btrfs {
    fn open_contents(&self, place: &PoolPlace) -> contents::Contents {
        contents::Contents::new(place.clone(), Arc::clone(&self.runner))
    }
}
