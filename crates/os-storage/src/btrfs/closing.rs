//! Unmounting and detaching a pool.

use std::time::Duration;

use os_sys::{LoopDevice, MountEntry, MountTable, patience, unmount};

use super::opening::{Attachment, DETACH_TIMEOUT};
use crate::holders;
use crate::pools::system;
use crate::{Change, PoolError, PoolPlace, PoolSource};

/// How long a pool may be busy before it is an error.
const BUSY_PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn close(place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
    let found = match Attachment::find(place, source) {
        Ok(found) => found,
        // The source was removed under an open pool, or was never there: what is mounted decides.
        Err(PoolError::NotFound { .. }) => return close_orphan(place, source),
        Err(e) => return Err(e),
    };
    let mut change = Change::Unchanged;
    if let Some(mount) = &found.mount {
        unmount_pool(place, mount)?;
        change = Change::Removed;
    }
    if let Some(device) = &found.loop_device {
        detach(place, device)?;
        change = Change::Removed;
    }
    Ok(change)
}

fn close_orphan(place: &PoolPlace, source: &PoolSource) -> Result<Change, PoolError> {
    let path = source.path();
    let PoolSource::Image(_) = source else {
        return Ok(Change::Unchanged);
    };
    let device = LoopDevice::attached_to(path).map_err(|e| system("look at", path, e))?;
    let Some(device) = device else {
        return Ok(Change::Unchanged);
    };
    let table = MountTable::read().map_err(|e| system("look at", path, e))?;
    if let Some(mount) = table
        .at(&place.mountpoint)
        .filter(|m| m.source == device.node())
    {
        unmount_pool(place, mount)?;
    }
    detach(place, &device)?;
    Ok(Change::Removed)
}

/// Other mounts of the pool are looked for first: unmounting ours would succeed, but a container
/// that has a dataset mounted would keep the file system alive without a name.
fn unmount_pool(place: &PoolPlace, mount: &MountEntry) -> Result<(), PoolError> {
    let busy = |holders| PoolError::Busy {
        pool: place.name.clone(),
        holders,
    };
    // Some holders are gone in a moment and deserve no error: a child between fork and exec has a
    // copy of every descriptor of the daemon, a program with a namespace of its own may be short.
    let mut in_the_way = Vec::new();
    let closed = patience::until(BUSY_PATIENCE, || {
        in_the_way = holders::mounts(std::slice::from_ref(mount));
        if !in_the_way.is_empty() {
            return Ok(None);
        }
        match unmount(&place.mountpoint) {
            Ok(()) => Ok(Some(())),
            Err(e) if e.errno() == Some(rustix::io::Errno::BUSY.raw_os_error()) => Ok(None),
            Err(e) => Err(system("unmount", &place.mountpoint, e)),
        }
    })?;
    match closed {
        Some(()) => Ok(()),
        None if in_the_way.is_empty() => Err(busy(holders::processes(&place.mountpoint))),
        None => Err(busy(in_the_way)),
    }
}

fn detach(place: &PoolPlace, device: &LoopDevice) -> Result<(), PoolError> {
    let table = MountTable::read().map_err(|e| system("look at", device.node(), e))?;
    if let Some(other) = table.of_source(device.node()).next() {
        return Err(PoolError::Busy {
            pool: place.name.clone(),
            holders: vec![holders::of_mount(other)],
        });
    }
    device
        .detach(DETACH_TIMEOUT)
        .map_err(|e| system("detach", device.node(), e))
}
