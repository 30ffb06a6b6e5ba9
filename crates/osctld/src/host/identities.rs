//! Which host ids are in use by what runs, and whether a start may have its ids.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use os_cgroup::CgroupPath;
use os_core::{RunningIds, claim};
use os_runtime::ContainerSpec;
use os_types::{ContainerRef, Failure, IdMapEntry, IdSpan, UserName};

use super::LinuxHost;

/// The ids of containers: of those that run as the kernel had them when they were seen first, and
/// of those that are just being started.
#[derive(Debug, Default)]
pub(super) struct Identities(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    /// With the process id of init, which tells one run of a container from the next.
    running: BTreeMap<ContainerRef, (u32, RunningIds)>,
    starting: BTreeMap<ContainerRef, RunningIds>,
}

/// While it exists, no other start can use these ids.
#[derive(Debug)]
pub(super) struct Starting<'a> {
    identities: &'a Identities,
    container: ContainerRef,
}

impl Identities {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.identities.lock().starting.remove(&self.container);
    }
}

impl LinuxHost {
    /// The ids of all containers that run or are being started.
    pub(super) fn running_ids(&self) -> Vec<RunningIds> {
        let mut tables = self.identities.lock();
        self.look_at_running(&mut tables);
        let running = tables.running.values().map(|(_, ids)| ids);
        running.chain(tables.starting.values()).cloned().collect()
    }

    fn look_at_running(&self, tables: &mut Tables) {
        let mut running = BTreeMap::new();
        for (container, live) in self.runtime.live() {
            let Some(init) = live.init_pid() else {
                continue;
            };
            let known = tables.running.remove(&container);
            let ids = known.filter(|(pid, _)| *pid == init).map(|(_, ids)| ids);
            let ids = ids.or_else(|| read(&container, &live.cgroup, init));
            running.extend(ids.map(|ids| (container, (init, ids))));
        }
        tables.running = running;
    }

    /// Lets a container start, if no container of another user runs with ids of its user.
    pub(super) fn claim_start(&self, spec: &ContainerSpec) -> Result<Starting<'_>, Failure> {
        let mut tables = self.identities.lock();
        self.look_at_running(&mut tables);
        let running = tables.running.values().map(|(_, ids)| ids);
        let all: Vec<_> = running.chain(tables.starting.values()).cloned().collect();
        let container = &spec.container;
        let user = (&container.pool, &container.name, &spec.user);
        claim::check_start(user, (&spec.uid_map, &spec.gid_map), &all)?;
        let ids = RunningIds {
            pool: container.pool.clone(),
            container: container.name.clone(),
            user: spec.user.clone(),
            uids: spec.uid_map.host_spans().collect(),
            gids: spec.gid_map.host_spans().collect(),
        };
        tables.starting.insert(container.clone(), ids);
        drop(tables);
        Ok(Starting {
            identities: &self.identities,
            container: container.clone(),
        })
    }
}

/// The ids of a container from its control group, which names its user, and from the kernel's maps
/// of its init; `None` if it has just ended.
fn read(container: &ContainerRef, cgroup: &CgroupPath, init: u32) -> Option<RunningIds> {
    let user = cgroup
        .as_str()
        .split('/')
        .find_map(|part| part.strip_prefix("user."));
    Some(RunningIds {
        pool: container.pool.clone(),
        container: container.name.clone(),
        user: user?.parse::<UserName>().ok()?,
        uids: spans(&fs::read_to_string(format!("/proc/{init}/uid_map")).ok()?),
        gids: spans(&fs::read_to_string(format!("/proc/{init}/gid_map")).ok()?),
    })
}

/// The host ids in a map of the kernel: lines of first id inside, first id outside, count.
fn spans(map: &str) -> Vec<IdSpan> {
    let entry = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let mut number = || numbers.next()?.ok();
        let entry = IdMapEntry::new(number()?, number()?, number()?);
        entry.map(IdMapEntry::host)
    };
    map.lines().filter_map(entry).collect()
}
