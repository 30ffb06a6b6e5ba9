//! Why an operation inside of a pool failed.

use std::error::Error;

use os_sys::SysError;
use os_types::{Code, Explain};

/// Failure of an operation on datasets or snapshots. `object` is the name of one.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It does not exist.
    #[error("{object} does not exist")]
    NotFound {
        /// Dataset or snapshot.
        object: String,
    },
    /// It, or something in its place, exists and is not what was asked for.
    #[error("{object} exists already")]
    Exists {
        /// Dataset or snapshot.
        object: String,
    },
    /// Others need it.
    #[error("{object} is needed by {}", by.join(", "))]
    InUse {
        /// Dataset or snapshot.
        object: String,
        /// Children, snapshots or clones.
        by: Vec<String>,
    },
    /// There are newer snapshots.
    #[error("{object} is not the newest snapshot, newer: {}", newer.join(", "))]
    NotNewest {
        /// The snapshot.
        object: String,
        /// Those that came after it.
        newer: Vec<String>,
    },
    /// The pool is full.
    #[error("no space left on the pool for {object}")]
    NoSpace {
        /// Dataset or snapshot.
        object: String,
    },
    /// A quota is full.
    #[error("the quota of {object} is exceeded")]
    OverQuota {
        /// Dataset or snapshot.
        object: String,
    },
    /// A limit was asked for on a pool that does not count.
    #[error("cannot limit {object}: quotas are off on its pool")]
    QuotasOff {
        /// The dataset.
        object: String,
    },
    /// A process or a mount uses it.
    #[error("{object} is in use by {}", crate::holders::list(holders))]
    Busy {
        /// Dataset or snapshot.
        object: String,
        /// The processes; empty if they could not be found.
        holders: Vec<crate::holders::Holder>,
    },
    /// It is encrypted, and the key is not there.
    #[error("{object} is encrypted and its key is not loaded")]
    Locked {
        /// The dataset.
        object: String,
    },
    /// The pool lost its disks, and waits for them.
    #[error("the pool of {object} is suspended: its disks do not answer")]
    Suspended {
        /// Dataset or snapshot.
        object: String,
    },
    /// The operation makes no sense for this object.
    #[error("{object}: {reason}")]
    Invalid {
        /// Dataset, snapshot or property.
        object: String,
        /// The broken rule.
        reason: &'static str,
    },
    /// The kernel refused.
    #[error("cannot {action} {object}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Dataset or snapshot.
        object: String,
        /// What the kernel said.
        source: Box<dyn Error + Send + Sync + 'static>,
    },
}

impl StorageError {
    /// Sorts the failure of a system call; a full disk and a full quota are distinguished.
    pub(crate) fn sys(
        action: &'static str,
        object: &dyn std::fmt::Display,
        error: SysError,
    ) -> Self {
        let errno = error.errno();
        Self::sort(action, object.to_string(), errno, error.into())
    }

    /// The same for an error of the standard library.
    pub(crate) fn io(
        action: &'static str,
        object: &dyn std::fmt::Display,
        error: std::io::Error,
    ) -> Self {
        let errno = error.raw_os_error();
        Self::sort(action, object.to_string(), errno, error.into())
    }

    fn sort(
        action: &'static str,
        object: String,
        errno: Option<i32>,
        source: Box<dyn Error + Send + Sync + 'static>,
    ) -> Self {
        use rustix::io::Errno;
        match errno.map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC) => Self::NoSpace { object },
            Some(Errno::DQUOT) => Self::OverQuota { object },
            _ => Self::System {
                action,
                object,
                source,
            },
        }
    }

    pub(crate) fn not_found(object: &dyn std::fmt::Display) -> Self {
        Self::NotFound {
            object: object.to_string(),
        }
    }

    /// Refuses what others need, if there are others.
    pub(crate) fn refuse_in_use(
        object: &dyn std::fmt::Display,
        by: Vec<String>,
    ) -> Result<(), Self> {
        if by.is_empty() {
            return Ok(());
        }
        let object = object.to_string();
        Err(Self::InUse { object, by })
    }

    pub(crate) fn exists(object: &dyn std::fmt::Display) -> Self {
        Self::Exists {
            object: object.to_string(),
        }
    }
}

impl Explain for StorageError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::Exists { .. } => Code::Exists,
            Self::InUse { .. } | Self::NotNewest { .. } | Self::Busy { .. } => Code::InUse,
            Self::NoSpace { .. } | Self::OverQuota { .. } => Code::NoSpace,
            Self::QuotasOff { .. } | Self::Invalid { .. } => Code::Name,
            Self::Locked { .. } | Self::Suspended { .. } | Self::System { .. } => Code::Storage,
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Locked { object } => Some(format!("zfs load-key {object}")),
            Self::Suspended { .. } => Some("zpool status -v".to_owned()),
            _ => None,
        }
    }
}
