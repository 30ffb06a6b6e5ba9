//! Making, opening and closing pools.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use os_types::{ByteSize, Code, Explain, FileSystem, PoolName};

use crate::holders::Holder;
use crate::{Change, PoolContents, PoolPlace, PoolSource, PoolView};

/// Looks into a pool that is mounted read-only and may refuse it.
pub type Inspection<'a> =
    &'a mut dyn FnMut(&dyn PoolView) -> Result<(), Box<dyn Error + Send + Sync + 'static>>;

/// What happens to a pool that, by what the file system itself remembers, another host has open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// It is refused.
    Refuse,
    /// It is opened: that host is known to be dead.
    Force,
}

/// A pool image to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewImage {
    /// How large; the file is sparse.
    pub size: ByteSize,
    /// What is made in it. A backend alone makes its own.
    pub file_system: FileSystem,
}

/// The life of pools as a whole. Every operation may be repeated.
pub trait Pools: Send + Sync + fmt::Debug {
    /// Makes the source of a pool; the pool is closed afterwards.
    ///
    /// `image` is needed for an image and ignored otherwise. An existing source is
    /// [`Change::Unchanged`] if it is recognisably this pool, else [`PoolError::Exists`].
    fn create(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        image: Option<NewImage>,
    ) -> Result<Change, PoolError>;

    /// Attaches and mounts a pool, nosuid and nodev, after `inspect` has agreed.
    ///
    /// `inspect` sees the pool mounted read-only at no place of the mount table (without replaying its log),
    /// except where somebody else has it mounted anyway. A btrfs does not remember its host, so
    /// `takeover` matters to ZFS only. It is called also for a pool that is open
    /// already. What a crash left half-made is finished or removed, so no other operation on this
    /// pool may run at the same time.
    fn open(
        &self,
        place: &PoolPlace,
        source: &PoolSource,
        takeover: Takeover,
        inspect: Inspection<'_>,
    ) -> Result<Change, PoolError>;

    /// Unmounts and detaches a pool; never lazily.
    ///
    /// *Errors*: [`PoolError::Busy`] names who holds it.
    fn close(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError>;

    /// How a pool stands right now, asked from the kernel.
    fn status(&self, place: &PoolPlace, source: &PoolSource) -> Result<PoolStatus, PoolError>;

    /// Destroys the source of a closed pool with everything in it.
    fn destroy(&self, place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError>;

    /// The inside of a pool. Starts nothing; fails later if the pool is not open.
    fn contents(&self, place: &PoolPlace) -> Box<dyn PoolContents>;
}

/// How a pool stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolStatus {
    /// There is no source.
    Missing,
    /// The source is there, nothing is attached or mounted.
    Closed,
    /// Attached but not mounted: an open or close was interrupted.
    HalfOpen,
    /// Mounted at its place.
    Open {
        /// What is mounted, for example `/dev/loop3`.
        device: PathBuf,
        /// Size of the pool.
        size: ByteSize,
        /// Free for use.
        available: ByteSize,
    },
}

/// Why a pool could not be made, opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Something else is where the source should be made.
    #[error("{} exists already and is not pool {pool}", path.display())]
    Exists {
        /// The pool.
        pool: PoolName,
        /// The source.
        path: PathBuf,
    },
    /// An image of this size cannot hold a pool.
    #[error("pool {pool} needs at least {least}")]
    TooSmall {
        /// The pool.
        pool: PoolName,
        /// The least size.
        least: ByteSize,
    },
    /// There is no source.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The source.
        path: PathBuf,
    },
    /// ZFS finds no zpool of this name.
    #[error("there is no zpool {pool}, neither imported nor on the disks of this host")]
    NoZpool {
        /// The pool.
        pool: PoolName,
    },
    /// The source cannot be a pool.
    #[error("{} is not a pool: {reason}", path.display())]
    NotPool {
        /// The source.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The mount point is in use by something else.
    #[error("{} is taken by {by}", mountpoint.display())]
    MountpointTaken {
        /// The mount point.
        mountpoint: PathBuf,
        /// What is there.
        by: String,
    },
    /// The source is open already, at another place.
    #[error("{} is open at {}", path.display(), at.display())]
    OpenElsewhere {
        /// The source.
        path: PathBuf,
        /// Where.
        at: PathBuf,
    },
    /// Another host has it open, or died with it open.
    #[error("pool {pool} was last in use on {host} and not exported there")]
    Foreign {
        /// The pool.
        pool: PoolName,
        /// That host, as the pool remembers it.
        host: String,
    },
    /// The inspector did not agree; nothing was written.
    #[error("pool {pool} was not opened")]
    Refused {
        /// The pool.
        pool: PoolName,
        /// Why; can be downcast to the inspector's own error.
        source: Box<dyn Error + Send + Sync + 'static>,
    },
    /// Somebody uses the pool.
    #[error("pool {pool} is in use by {}", crate::holders::list(holders))]
    Busy {
        /// The pool.
        pool: PoolName,
        /// The processes; empty if they could not be found.
        holders: Vec<Holder>,
    },
    /// No room for the source.
    #[error("no space left for {}", path.display())]
    NoSpace {
        /// The source.
        path: PathBuf,
    },
    /// A program failed.
    #[error("cannot {action} pool {pool}")]
    Tool {
        /// What was tried.
        action: &'static str,
        /// The pool.
        pool: PoolName,
        /// What the program said.
        source: Box<os_cmd::CommandError>,
    },
    /// The inside of the pool could not be prepared.
    #[error("cannot prepare pool {pool}")]
    Contents {
        /// The pool.
        pool: PoolName,
        /// Why.
        source: crate::StorageError,
    },
    /// The kernel refused.
    #[error("cannot {action} {}", path.display())]
    System {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel said.
        source: Box<dyn Error + Send + Sync + 'static>,
    },
}

impl PoolError {
    pub(crate) fn not_pool(path: &Path, reason: impl Into<String>) -> Self {
        Self::NotPool {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// A program that worked on a pool failed, and nothing better is known.
    pub(crate) fn tool(action: &'static str, pool: &PoolName, error: os_cmd::CommandError) -> Self {
        Self::Tool {
            action,
            pool: pool.clone(),
            source: Box::new(error),
        }
    }

    /// The error for a pool that cannot be destroyed because it is open.
    pub(crate) fn is_open(pool: &PoolName) -> Self {
        Self::Busy {
            pool: pool.clone(),
            holders: vec![Holder {
                pid: None,
                name: String::new(),
                what: "itself: it is open".to_owned(),
            }],
        }
    }
}

impl Explain for PoolError {
    fn code(&self) -> Code {
        match self {
            Self::Exists { .. } => Code::Exists,
            Self::TooSmall { .. } => Code::Name,
            Self::NotFound { .. } | Self::NoZpool { .. } => Code::NotFound,
            Self::Foreign { .. } => Code::PoolForeign,
            Self::NotPool { .. } | Self::Refused { .. } => Code::NotAPool,
            Self::MountpointTaken { .. } | Self::OpenElsewhere { .. } | Self::Busy { .. } => {
                Code::InUse
            }
            Self::NoSpace { .. } => Code::NoSpace,
            Self::Contents { source, .. } => source.code(),
            Self::Tool { .. } | Self::System { .. } => Code::Storage,
        }
    }

    fn next(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { .. } => "osctl pool import --source PATH NAME".to_owned(),
            Self::NoZpool { .. } => "zpool import".to_owned(),
            Self::Foreign { pool, .. } => format!("on that host: osctl pool export {pool}"),
            Self::NotPool { .. } => "osctl pool new --size SIZE NAME".to_owned(),
            Self::Busy { pool, .. } => format!("osctl pool export {pool}"),
            Self::Contents { source, .. } => return source.next(),
            _ => return None,
        })
    }
}

/// An error of the kernel about a path, as a pool's error.
pub(crate) fn system(
    action: &'static str,
    path: &Path,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> PoolError {
    PoolError::System {
        action,
        path: path.to_owned(),
        source: source.into(),
    }
}

/// Asks the inspector.
pub(crate) fn look(
    place: &PoolPlace,
    view: &dyn PoolView,
    inspect: Inspection<'_>,
) -> Result<(), PoolError> {
    inspect(view).map_err(|source| PoolError::Refused {
        pool: place.name.clone(),
        source,
    })
}
