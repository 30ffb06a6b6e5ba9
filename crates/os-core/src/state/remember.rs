//! Which host ids are remembered: those of the users and allocations of all pools seen so far.

use std::collections::BTreeMap;

use os_types::{PoolName, UserName};

use super::{Disabled, PoolState};
use crate::document::{AllocatedIds, PoolIds, RememberedIds, UserDoc, UserIds};

/// What is remembered once these pools are imported.
///
/// *Shape*: pools that are not imported keep what they had. Of an imported pool, users that can be
/// used have what their files say; users whose files cannot be read, or that stand back, keep what
/// they had, so that they come back when the cause is gone.
pub(super) fn update(
    before: &RememberedIds,
    pools: &[PoolState],
    disabled: &Disabled,
) -> RememberedIds {
    let mut after = before.clone();
    for pool in pools {
        let known = before.pools.get(pool.name());
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
        let allocations = pool.id_ranges().values().filter_map(|entry| entry.doc());
        let allocations = allocations.flat_map(|doc| {
            let foreign = doc.table.allocations().iter().filter(|allocation| {
                let owner = allocation.owner.as_deref().unwrap_or_default();
                !owner.starts_with("user:")
            });
            foreign.filter_map(|allocation| {
                let span = doc
                    .table
                    .span(allocation.block_index, allocation.block_count);
                Some(AllocatedIds::new(span.ok()?, allocation.owner.clone()))
            })
        });
        let ids = PoolIds {
            users,
            allocations: allocations.collect(),
        };
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
