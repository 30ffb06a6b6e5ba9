//! Pools, datasets, snapshots and streams, in the words of ZFS.
//!
//! ```text
//!   Pools::create ─> closed ──open──> open ──contents──> dyn PoolContents
//!                       ^──close──────┘                   = Datasets + Snapshots + Streams
//! ```
//!
//! Four small traits instead of one large: [`Pools`] makes and opens pools, [`Datasets`],
//! [`Snapshots`] and [`Streams`] work inside of one that is open. They are shaped after ZFS
//! (properties, origin of a clone, guids, incremental streams, resume tokens), because that is the
//! backend of the operating system ([`Zfs`]); [`Btrfs`] fits itself to them and says where it
//! differs. [`Backends`] is both: what a pool is made of decides.
//!
//! What this crate is not: it knows nothing of containers, owners or configuration files (the
//! caller of [`Pools::open`] inspects those), it keeps no memory of what it did, and it does not
//! lock: the engine has one owner per entity.
//!
//! Invariants:
//!
//! - Every operation may be repeated after a crash at any moment and then converges; it returns
//!   what it changed ([`Change`]). What was half-made is in a staging directory and is finished or
//!   removed by the next [`Pools::open`].
//! - A pool is never written before its inspector has seen it and agreed.
//! - A listing starts no process on btrfs and one on ZFS, never one per dataset.
//! - A figure that is not known is `None`, never a guess.
//! - No path inside of what a guest can write is ever walked: a dataset is a direct child of
//!   another one, and nested subvolumes of a guest are removed by number.
//!
//! Start reading at `pools.rs` and `datasets.rs` (the traits), then `zfs.rs` or `btrfs.rs`.
#![forbid(unsafe_code)]

mod backends;
mod btrfs;
mod change;
mod datasets;
mod frames;
mod holders;
mod image_file;
mod mountpoint;
mod place;
mod pools;
mod resume_token;
mod snapshots;
mod storage_error;
mod streams;
mod view;
mod zfs;

pub use self::backends::Backends;
pub use self::btrfs::Btrfs;
pub use self::change::Change;
pub use self::datasets::{DatasetInfo, Datasets, DestroyScope, PropertyEdit};
pub use self::holders::{Holder, processes as holders_below};
pub use self::place::{PoolPlace, PoolSource, ZFS_DEVICE};
pub use self::pools::{Inspection, NewImage, PoolError, PoolStatus, Pools, Takeover};
pub use self::resume_token::{Proof, ResumeToken, ResumeTokenError};
pub use self::snapshots::{SnapshotInfo, Snapshots};
pub use self::storage_error::StorageError;
pub use self::streams::{
    ReceivePolicy, ReceiveRequest, Received, SendReport, SendRequest, StreamError, Streams,
};
pub use self::view::PoolView;
pub use self::zfs::Zfs;

/// Everything that can be done inside of one open pool.
pub trait PoolContents: Datasets + Snapshots + Streams + Send + Sync + std::fmt::Debug {}

impl<T: Datasets + Snapshots + Streams + Send + Sync + std::fmt::Debug> PoolContents for T {}
