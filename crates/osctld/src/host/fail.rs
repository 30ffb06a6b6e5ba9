//! Failures of the means as users meet them.

use os_storage::{PoolError, StorageError};
use os_store::FileError;
use os_store::block::BlockError;
use os_types::{Code, Failure, PoolName, chain};

/// A file of ours could not be read or written.
pub(crate) fn file(error: &FileError) -> Failure {
    let code = if error.is_full() {
        Code::NoSpace
    } else {
        Code::Step
    };
    Failure::new(code, chain(error))
}

/// A file of the host could not be changed.
pub(crate) fn block(error: &BlockError) -> Failure {
    match error {
        BlockError::File(error) => file(error),
        BlockError::Busy { .. } => Failure::new(Code::Deadline, chain(error)),
        other => Failure::new(Code::Damaged, chain(other))
            .next("repair the osctl block in that file by hand, then: osctl activate"),
    }
}

/// Something inside a pool failed.
pub(crate) fn storage(error: &StorageError) -> Failure {
    let code = match error {
        StorageError::NotFound { .. } => Code::NotFound,
        StorageError::Exists { .. } => Code::Exists,
        StorageError::InUse { .. } | StorageError::NotNewest { .. } | StorageError::Busy { .. } => {
            Code::InUse
        }
        StorageError::NoSpace { .. } | StorageError::OverQuota { .. } => Code::NoSpace,
        StorageError::QuotasOff { .. } | StorageError::Invalid { .. } => Code::Name,
        StorageError::Locked { .. }
        | StorageError::Suspended { .. }
        | StorageError::System { .. } => Code::Step,
    };
    let failure = Failure::new(code, chain(error));
    match error {
        StorageError::Locked { object } => failure.next(format!("zfs load-key {object}")),
        StorageError::Suspended { .. } => failure.next("zpool status -v"),
        _ => failure,
    }
}

/// A pool could not be made, opened or closed. What the inspection of a pool refused comes out as
/// it went in.
pub(crate) fn pool(pool: &PoolName, error: &PoolError) -> Failure {
    let (code, next) = match error {
        PoolError::Refused { source, .. } => match source.downcast_ref::<Failure>() {
            Some(failure) => return failure.clone(),
            None => (Code::NotAPool, None),
        },
        PoolError::Exists { .. } => (Code::Exists, None),
        PoolError::TooSmall { .. } => (Code::Name, None),
        PoolError::NotFound { .. } => (
            Code::NotFound,
            Some(format!("osctl pool import --source PATH {pool}")),
        ),
        PoolError::NoZpool { .. } => (Code::NotFound, Some("zpool import".to_owned())),
        PoolError::Foreign { .. } => (
            Code::PoolForeign,
            Some(format!("on that host: osctl pool export {pool}")),
        ),
        PoolError::NotPool { .. } => (
            Code::NotAPool,
            Some("osctl pool new --size SIZE NAME".to_owned()),
        ),
        PoolError::MountpointTaken { .. } | PoolError::OpenElsewhere { .. } => (Code::InUse, None),
        PoolError::Busy { .. } => (Code::InUse, Some(format!("osctl pool export {pool}"))),
        PoolError::NoSpace { .. } => (Code::NoSpace, None),
        PoolError::Contents { source, .. } => {
            let inner = storage(source);
            (inner.code, inner.next)
        }
        PoolError::Tool { .. } | PoolError::System { .. } => (Code::Step, None),
    };
    let failure = Failure::new(code, chain(error)).about(format!("pool {pool}"));
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
