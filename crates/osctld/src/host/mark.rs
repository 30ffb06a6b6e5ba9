//! The mark of the host that has a pool open: `conf/pool/host.toml`.

use std::path::Path;

use os_core::document::{self, HostMark};
use os_core::layout;
use os_engine::Readiness;
use os_store::atomic::{self, Attributes};
use os_store::document::{Fault, LoadError};
use os_types::{Code, Failure, PoolName, Presence, chain};

use super::fail;
use crate::identity::Identity;

/// The mark in the folder of a pool's scoped dataset, `None` if there is none.
pub(crate) fn read(folder: &Path) -> Result<Option<HostMark>, Failure> {
    os_store::document::load(&folder.join(layout::HOST_MARK)).map_err(|error| match &error {
        LoadError::Document { error: inner, .. } if matches!(inner.fault, Fault::TooNew { .. }) => {
            Failure::new(Code::PoolSchema, chain(&error))
        }
        other => Failure::new(Code::Damaged, chain(other)),
    })
}

/// Refuses a pool that another host has open.
pub(crate) fn inspect(pool: &PoolName, folder: &Path, identity: &Identity) -> Result<(), Failure> {
    match read(folder)? {
        Some(mark) if mark.host_id != identity.host_id => {
            let (host, since) = (&mark.hostname, mark.since);
            let text = format!(
                "pool {pool} is open on host {host} ({}) since {since}",
                mark.host_id
            );
            Err(Failure::new(Code::PoolForeign, text)
                .about(format!("pool {pool}"))
                .next(format!("on {host}: osctl pool export {pool}")))
        }
        _ => Ok(()),
    }
}

pub(super) fn look(folder: &Path, identity: &Identity, to: Presence) -> Result<Readiness, Failure> {
    let found = read(folder)?;
    Ok(match (found, to) {
        (Some(mark), Presence::Present) if mark.host_id == identity.host_id => Readiness::Done,
        (None, Presence::Absent) => Readiness::Done,
        // Another host's mark: opening the pool has either refused it or was told to take over.
        _ => Readiness::Ready,
    })
}

pub(super) fn go(folder: &Path, identity: &Identity, to: Presence) -> Result<(), Failure> {
    let path = folder.join(layout::HOST_MARK);
    let changed = match to {
        Presence::Absent => atomic::remove(&path),
        Presence::Present => {
            let mark = HostMark {
                host_id: identity.host_id.clone(),
                hostname: identity.hostname.clone(),
                boot_id: identity.boot_id.clone(),
                since: jiff::Timestamp::now(),
            };
            let text = document::text(&mark);
            atomic::replace(&path, text.as_bytes(), Attributes::mode(layout::FILE_MODE))
        }
    };
    changed.map(drop).map_err(|error| fail::file(&error))
}

/// Makes the folders of a pool that are missing, and mends their modes.
pub(super) fn make_folders(folder: &Path) -> Result<(), Failure> {
    for wanted in layout::FOLDERS {
        atomic::create_dir(&folder.join(wanted.path), Attributes::mode(wanted.mode))
            .map_err(|error| fail::file(&error))?;
    }
    Ok(())
}
