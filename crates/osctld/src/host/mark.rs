//! The mark of the host that has a pool open: `conf/pool/host.toml`.

use std::path::Path;

use os_core::document::{self, HostMark};
use os_core::layout;
use os_engine::StepCheck;
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, PoolName, Presence};

use crate::identity::Identity;

/// The mark in the directory of a pool's scoped dataset, `None` if there is none.
pub(crate) fn read(folder: &Path) -> Result<Option<HostMark>, Failure> {
    Ok(os_store::document::load(&folder.join(layout::HOST_MARK))?)
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

pub(super) fn check(
    folder: &Path,
    identity: &Identity,
    to: Presence,
) -> Result<StepCheck, Failure> {
    let found = read(folder)?;
    Ok(match (found, to) {
        (Some(mark), Presence::Present) if mark.host_id == identity.host_id => StepCheck::Done,
        (None, Presence::Absent) => StepCheck::Done,
        // Another host's mark: opening the pool has either refused it or was forced to take over.
        _ => StepCheck::Ready,
    })
}

pub(super) fn write(folder: &Path, identity: &Identity, to: Presence) -> Result<(), Failure> {
    let path = folder.join(layout::HOST_MARK);
    match to {
        Presence::Absent => atomic::remove(&path)?,
        Presence::Present => {
            let mark = HostMark {
                host_id: identity.host_id.clone(),
                hostname: identity.hostname.clone(),
                boot_id: identity.boot_id.clone(),
                since: jiff::Timestamp::now(),
            };
            let text = document::text(&mark);
            atomic::replace(&path, text.as_bytes(), Attributes::mode(layout::FILE_MODE))?
        }
    };
    Ok(())
}

/// Makes the directories of a pool that are missing, and repairs their modes.
pub(super) fn make_folders(folder: &Path) -> Result<(), Failure> {
    for wanted in layout::FOLDERS {
        atomic::create_dir(&folder.join(wanted.path), Attributes::mode(wanted.mode))?;
    }
    Ok(())
}
