//! What an id range expects.

use os_types::{EntityRef, IdRangeName};

use super::Expected;
use crate::state::{Entry, PoolState};

pub(super) fn expected(pool: &PoolState, name: &IdRangeName, entity: &EntityRef) -> Vec<Expected> {
    let failure = pool.id_ranges().get(name).and_then(Entry::failure);
    vec![Expected::config(entity, pool.folder(), failure)]
}
