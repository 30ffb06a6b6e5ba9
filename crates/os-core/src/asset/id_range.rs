//! What an id range expects.

use os_api::view::AssetKind;
use os_types::{EntityRef, IdRangeName};

use super::{Expected, Want};
use crate::state::{Entry, PoolState};

pub(super) fn expected(pool: &PoolState, name: &IdRangeName, entity: &EntityRef) -> Vec<Expected> {
    let entry = pool.id_ranges().get(name);
    let failure = entry.and_then(Entry::failure);
    let mut all = vec![Expected::config(entity, pool.folder(), failure)];
    if entry.is_some_and(|entry| entry.blocks().is_none()) {
        let want = Want::Broken {
            kind: AssetKind::Entry,
            path: "allocations".to_owned(),
            reason: "its file does not show them: users keep their ids, and of other allocations those stay \
                     reserved that this host remembers"
                .to_owned(),
        };
        all.push(Expected::new(entity, "allocations", want));
    }
    all
}
