//! Which host ids are remembered: those of the users and allocations of all pools seen so far.

use std::collections::BTreeMap;

use os_types::{PoolName, UserName};

use super::{Disabled, Entry, State};
use crate::document::{AllocatedIds, IdRangeDoc, PoolIds, RememberedIds, UserDoc};

/// What is remembered once these pools are imported.
///
/// *Shape*: pools that are not imported keep what they had. Of an imported pool, users that can be
/// used have what their files say; users that are disabled because of their ids keep what they had, so that they come back when the
/// cause is gone. So do users whose files cannot be read; one that had nothing has what can be read of
/// its file. Allocations are kept while a range of the pool cannot be read. What operations have
/// reserved on it is remembered before it is in any file of the pool.
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
            let before = || known.and_then(|known| known.users.get(name)).cloned();
            let ids = match entry.doc() {
                Some(_) if stands_back => before(),
                Some(_) => entry.ids(),
                None => before().or_else(|| entry.ids()),
            };
            users.extend(ids.map(|ids| (name.clone(), ids)));
        }
        for (name, ids) in reserved().flat_map(|ids| &ids.users) {
            users.entry(name.clone()).or_insert_with(|| ids.clone());
        }
        let mut allocations: Vec<_> = pool.id_ranges().values().flat_map(allocated).collect();
        let is_unread = pool.id_ranges().values().any(|entry| entry.doc().is_none());
        let kept = known.into_iter().filter(|_| is_unread);
        for ids in reserved().chain(kept).flat_map(|ids| &ids.allocations) {
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

/// What of a range is allocated.
fn allocated(range: &Entry<IdRangeDoc>) -> Vec<AllocatedIds> {
    let Some(table) = range.blocks() else {
        return Vec::new();
    };
    let ids = table.allocations().iter().filter_map(|allocation| {
        let span = table.span(allocation.block_index, allocation.block_count);
        Some(AllocatedIds::new(span.ok()?, allocation.owner.clone()))
    });
    ids.collect()
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
