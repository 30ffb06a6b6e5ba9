//! The table after a restart of the daemon, from what the kernel says.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use os_cgroup::{CgroupPath, Tree};
use os_sys::PidFd;
use os_types::{ContainerState, Failure};

use super::{Key, Runtime, Slot, place, process, record, seccomp};

/// Looks whether a container runs. One that does comes into the table, and so does one that did
/// when the daemon before this one looked last, and has ended since.
pub(crate) fn look(
    key: &Key,
    cgroup: &CgroupPath,
    run: &Path,
    cgroups: &Tree,
    runtime: &Runtime,
) -> Result<Found, Failure> {
    let known = record::read(run);
    // It runs where it was started, whatever its file says by now.
    let started_in = known.as_ref().and_then(|known| known.cgroup.parse().ok());
    let cgroup: CgroupPath = started_in.unwrap_or_else(|| cgroup.clone());
    let folders = cgroups.folders(&cgroup);
    if !folders.iter().any(|folder| folder.exists()) && known.is_none() {
        return Ok(Found::Nothing);
    }
    let payload = place::payload(&cgroup, &key.1)?;
    let pids = cgroups.procs(&payload).unwrap_or_default();
    let recorded = known.as_ref().filter(|known| {
        let stat = process::stat(known.init_pid);
        pids.contains(&known.init_pid)
            && stat.is_some_and(|stat| stat.start_time == known.init_start && stat.state != 'Z')
    });
    let init = recorded
        .map(|known| known.init_pid)
        .or_else(|| find_init(&pids));
    let pidfd = init.and_then(|init| PidFd::open(init).ok().flatten());
    let pidfd = pidfd.map(Arc::new);
    if pidfd.is_none() && known.is_none() {
        return Ok(Found::Remains(cgroup));
    }
    let frozen = pidfd.is_some() && cgroups.is_frozen(&payload).unwrap_or(false);
    let slot = Slot {
        state: if frozen {
            ContainerState::Frozen
        } else {
            ContainerState::Running
        },
        init: pidfd.clone(),
        kind: known.as_ref().map(|known| known.kind).unwrap_or_default(),
        monitor_pid: known.as_ref().map(|known| known.monitor_pid),
        started: known.as_ref().map(|known| known.started),
        cgroup: cgroup.to_string(),
        seccomp: seccomp::of_running(run)?,
    };
    runtime.enter(key, slot);
    Ok(pidfd.map_or(Found::Ended, Found::Running))
}

/// What was found of a container.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// It runs; this is its init.
    Running(Arc<PidFd>),
    /// It ran, and has ended while no daemon was there.
    Ended,
    /// Groups, or processes without an init, that are to be cleared.
    Remains(CgroupPath),
}

/// The first process of the guest's pid namespace, which has executed a program.
fn find_init(pids: &BTreeSet<u32>) -> Option<u32> {
    let is_init = |pid: &&u32| {
        process::is_init_of_guest(**pid) && process::stat(**pid).is_some_and(|stat| stat.has_execed)
    };
    pids.iter().find(is_init).copied()
}
