//! What containers do, from their control groups.
//!
//! Their processes run on without the daemon, so a list made without it that called them stopped
//! would be wrong.

use std::collections::BTreeMap;

use os_cgroup::{CgroupError, CgroupPath, OpenFiles, Tree};
use os_core::{PoolState, Running, State, layout};
use os_types::{ContainerName, ContainerRef, ContainerState};

/// All containers that are not stopped, with nothing but their states; `Unknown` where the kernel cannot be asked.
pub(super) fn read(state: &State, cgroup_parent: &str) -> BTreeMap<ContainerRef, Running> {
    let cgroups = Tree::detect(cgroup_parent).ok();
    let pools = state.pools().iter();
    let found = pools.flat_map(|pool| of_pool(pool, cgroups.as_ref()));
    found
        .filter(|(_, running)| running.state != ContainerState::Stopped)
        .collect()
}

fn of_pool<'a>(
    pool: &'a PoolState,
    cgroups: Option<&'a Tree>,
) -> impl Iterator<Item = (ContainerRef, Running)> + 'a {
    let containers = pool.containers().iter();
    containers.filter_map(move |(name, entry)| {
        let doc = entry.doc()?;
        let group = layout::container_cgroup(pool.name(), &doc.group, &doc.user, name);
        let state = cgroups.and_then(|cgroups| state_in(cgroups, &group, name));
        let running = Running {
            state: state.unwrap_or(ContainerState::Unknown),
            exec_only: false,
            init_pid: None,
            monitor_pid: None,
            started: None,
            started_with: None,
        };
        Some((ContainerRef::new(pool.name(), name), running))
    })
}

/// `None` if the kernel does not answer.
fn state_in(cgroups: &Tree, group: &str, name: &ContainerName) -> Option<ContainerState> {
    let delegated = group.parse::<CgroupPath>().ok()?;
    let delegated = delegated.join(os_types::container::DELEGATED_CGROUP).ok()?;
    let payload = delegated.join(&name.payload_cgroup()).ok()?;
    let alive = || -> Result<ContainerState, CgroupError> {
        Ok(if !cgroups.is_populated(&payload)? {
            ContainerState::Stopped
        } else if cgroups.is_frozen(&payload, &OpenFiles::default())? {
            ContainerState::Frozen
        } else {
            ContainerState::Running
        })
    };
    alive().ok()
}
