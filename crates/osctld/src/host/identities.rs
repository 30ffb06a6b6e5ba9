//! Which host ids are in use by what runs, and whether a plan or a start may have its ids.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use os_core::{RunningIds, claim};
use os_types::{
    ContainerName, Failure, IdMapEntry, IdSpan, JournalPlace, Plan, PoolName, UserName,
};

use super::Steps;
use crate::runtime::{Key, Place};

/// The ids of containers: of those that run as the kernel had them when they were seen first, and
/// of those that are just being started.
#[derive(Debug, Default)]
pub(super) struct Identities(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    /// With the process id of init, which tells one run of a container from the next.
    running: BTreeMap<Key, (u32, RunningIds)>,
    starting: BTreeMap<Key, RunningIds>,
}

/// While it lives, nobody else can start a container with these ids.
#[derive(Debug)]
pub(super) struct Starting<'a> {
    identities: &'a Identities,
    key: Key,
}

impl Identities {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.identities.lock().starting.remove(&self.key);
    }
}

impl Steps {
    /// The ids of all containers that run or are being started.
    pub(super) fn running_ids(&self) -> Vec<RunningIds> {
        let mut tables = self.identities.lock();
        self.look_at_running(&mut tables);
        let running = tables.running.values().map(|(_, ids)| ids);
        running.chain(tables.starting.values()).cloned().collect()
    }

    fn look_at_running(&self, tables: &mut Tables) {
        let mut running = BTreeMap::new();
        for key in self.runtime.states().into_keys() {
            let slot = self.runtime.recorded(&key);
            let Some((init, cgroup)) = slot.and_then(|slot| Some((slot.init_pid()?, slot.cgroup)))
            else {
                continue;
            };
            let known = tables.running.remove(&key);
            let ids = known.filter(|(pid, _)| *pid == init).map(|(_, ids)| ids);
            let ids = ids.or_else(|| read(&key, &cgroup, init));
            running.extend(ids.map(|ids| (key, (init, ids))));
        }
        tables.running = running;
    }

    /// Lets a container start, if no container of another user runs with ids of its user.
    pub(super) fn claim_start(&self, place: &Place) -> Result<Starting<'_>, Failure> {
        let mut tables = self.identities.lock();
        self.look_at_running(&mut tables);
        let running = tables.running.values().map(|(_, ids)| ids);
        let all: Vec<_> = running.chain(tables.starting.values()).cloned().collect();
        let user = (&place.pool, &place.name, &place.doc.user);
        claim::check_start(user, (&place.uid_map, &place.gid_map), &all)?;
        let key = (place.pool.clone(), place.name.clone());
        let ids = RunningIds {
            pool: place.pool.clone(),
            container: place.name.clone(),
            user: place.doc.user.clone(),
            uids: place.uid_map.host_spans().collect(),
            gids: place.gid_map.host_spans().collect(),
        };
        tables.starting.insert(key.clone(), ids);
        drop(tables);
        Ok(Starting {
            identities: &self.identities,
            key,
        })
    }

    /// Refuses a plan that gives ids to an owner while another one has them.
    pub(super) fn verify_ids(&self, plan: &Plan) -> Result<(), Failure> {
        if !claim::gives_ids(plan) {
            return Ok(());
        }
        let state = match &plan.journal {
            JournalPlace::Pool { pool } => self.state_of(pool)?,
            JournalPlace::Host | JournalPlace::Run => self.state(),
        };
        let mut facts = self.facts()?;
        facts.running_ids = self.running_ids();
        claim::verify(plan, &state, &facts)
    }
}

/// The ids of a container from its control group, which names its user, and from the kernel's maps
/// of its init; `None` if it has just ended.
fn read(
    (pool, container): &(PoolName, ContainerName),
    cgroup: &str,
    init: u32,
) -> Option<RunningIds> {
    let user = cgroup
        .split('/')
        .find_map(|part| part.strip_prefix("user."));
    Some(RunningIds {
        pool: pool.clone(),
        container: container.clone(),
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
