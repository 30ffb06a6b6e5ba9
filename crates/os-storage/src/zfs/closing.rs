//! Unmounting and exporting a zpool.

use std::time::Duration;

use os_cmd::{Invocation, Runner};
use os_sys::patience;
use os_types::PoolName;

use super::contents::{Contents, inside};
use super::errors::is_busy;
use super::imported::find;
use super::mounts::{self, check_place};
use crate::{Change, PoolError, PoolSource, holders};

/// Everything that is still to be written is written first.
pub(super) const EXPORT_DEADLINE: Duration = Duration::from_mins(5);

/// How long a pool may be busy after nothing of it is mounted: ZFS lets go a moment later.
const EXPORT_PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn close(contents: &Contents, source: &PoolSource) -> Result<Change, PoolError> {
    let place = &contents.place;
    check_place(place)?;
    if find(&*contents.runner, place, source)?.is_none() {
        return Ok(Change::Unchanged);
    }
    close_all(contents)?;
    Ok(Change::Removed)
}

/// *Errors*: `Busy` names who holds it; then it is mounted as before.
pub(super) fn close_all(contents: &Contents) -> Result<(), PoolError> {
    let top = contents.top();
    contents
        .unmount_tree(&top, mounts::Part::Whole)
        .map_err(|e| inside(contents, e))?;
    let exported = export(contents, EXPORT_PATIENCE);
    if exported.is_err()
        && let Err(error) = contents.mount_tree(&top)
    {
        tracing::warn!(pool = %top, %error, "datasets stay unmounted");
    }
    exported
}

pub(super) fn export(contents: &Contents, patience: Duration) -> Result<(), PoolError> {
    let pool = &contents.place.name;
    match export_patiently(&*contents.runner, pool, patience)? {
        Some(()) => Ok(()),
        None => Err(PoolError::Busy {
            pool: pool.clone(),
            holders: holders::processes(&contents.place.mountpoint),
        }),
    }
}

/// Runs `zpool export` until the pool is no longer busy.
pub(super) fn export_patiently(
    runner: &dyn Runner,
    pool: &PoolName,
    patience: Duration,
) -> Result<Option<()>, PoolError> {
    patience::until(patience, || {
        let command = Invocation::new("zpool").args(["export", pool.as_str()]);
        match runner.run(command.deadline(EXPORT_DEADLINE)) {
            Ok(_) => Ok(Some(())),
            Err(error) if is_busy(&error) => Ok(None),
            Err(error) if error.stderr().contains("no such pool") => Ok(Some(())),
            Err(error) => Err(PoolError::tool("export", pool, error)),
        }
    })
}
