//! Which host ids are remembered: those of the users and allocations of all pools seen so far.

use std::collections::BTreeMap;

use os_types::{PoolName, UserName};

use super::{Disabled, State};
use crate::document::{AllocatedIds, PoolIds, RememberedIds, UserDoc, UserIds};

/// What is remembered once these pools are imported.
///
/// *Shape*: pools that are not imported keep what they had. Of an imported pool, users that can be
/// used have what their files say; users whose files cannot be read, or that stand back, keep what
/// they had, so that they come back when the cause is gone. What operations have reserved on it is
/// remembered before it is in any file of the pool.
pub(super) fn update(state: &State, disabled: &Disabled) -> RememberedIds {
    let before = &state.remembered;
    let mut after = RememberedIds::clone(before);
    for pool in &state.pools {
        let known = before.pools.get(pool.name());
        let reserved = || {
            let of_pool = state.reserved().filter(|(name, _)| *name == pool.name());
            of_pool.map(|(_, ids)| ids)
        };
        let disabled = disabled.get(pool.name());
        let mut users = BTreeMap::new();
        for (name, entry) in pool.users() {
            let stands_back = disabled.is_some_and(|users| users.contains_key(name));
            let ids = match entry.doc() {
                Some(doc) if !stands_back => Some(UserIds::new(&doc.uid_map, doc.gid_map())),
                _ => known.and_then(|known| known.users.get(name)).cloned(),
            };
            users.extend(ids.map(|ids| (name.clone(), ids)));
        }
        for (name, ids) in reserved().flat_map(|ids| &ids.users) {
            users.entry(name.clone()).or_insert_with(|| ids.clone());
        }
        let ranges = pool.id_ranges().values().filter_map(|entry| entry.doc());
        let allocations = ranges.flat_map(|doc| {
            let allocated = doc.table.allocations().iter();
            allocated.filter_map(|allocation| {
                let (index, count) = (allocation.block_index, allocation.block_count);
                let span = doc.table.span(index, count).ok()?;
                Some(AllocatedIds::new(span, allocation.owner.clone()))
            })
        });
        let mut allocations: Vec<_> = allocations.collect();
        for ids in reserved().flat_map(|ids| &ids.allocations) {
            if !allocations.contains(ids) {
                allocations.push(ids.clone());
            }
        }
        allocations.retain(|ids| {
            let owner = ids.owner.as_deref().unwrap_or_default();
            !owner.starts_with("user:")
        });
        let ids = PoolIds { users, allocations };
        if ids == PoolIds::default() {
            after.pools.remove(pool.name());
        } else {
            after.pools.insert(pool.name().clone(), ids);
        }
    }
    after
}

/// Whether the user had exactly these maps when this host saw it last.
pub(super) fn knows(
    remembered: &RememberedIds,
    pool: &PoolName,
    user: &UserName,
    doc: &UserDoc,
) -> bool {
    let known = remembered.pools.get(pool);
    let known = known.and_then(|pool| pool.users.get(user));
    known.is_some_and(|ids| ids.uid_map == doc.uid_map && ids.gid_map() == doc.gid_map())
}
