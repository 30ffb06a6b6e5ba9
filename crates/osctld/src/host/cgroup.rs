//! The control groups of a pool.

use std::time::Duration;

use os_cgroup::{CgroupPath, Tree};
use os_types::{Failure, GroupName, PoolName};

/// Removes the control groups of a pool that is being closed. A group that still has processes
/// stays.
pub(super) fn forget(tree: &Tree, pool: &PoolName) {
    let remove = || -> Result<_, Failure> {
        let path: CgroupPath = os_core::layout::cgroup(pool, &GroupName::root()).parse()?;
        Ok(tree.remove(&path, Duration::ZERO)?)
    };
    if let Err(failure) = remove() {
        tracing::warn!(%pool, %failure, "control groups of a closed pool are left");
    }
}
