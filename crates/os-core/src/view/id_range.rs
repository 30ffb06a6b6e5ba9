//! An id range and its table as the API shows them.

use os_api::view::{Attrs, Health, IdRange, IdSegment, SegmentKind};
use os_types::{IdRangeName, IdTable};

use crate::state::PoolState;

/// The id range `name` of a pool; `None` if there is none.
pub fn id_range(pool: &PoolState, name: &IdRangeName) -> Option<IdRange> {
    let entry = pool.id_ranges().get(name)?;
    let (doc, failure) = (entry.doc(), entry.failure());
    let table = doc.map(|doc| &doc.table);
    let number = |number: fn(&IdTable) -> u32| table.map_or(0, number);
    let allocated = number(|table| table.allocations().iter().map(|a| a.block_count).sum());
    let block_count = number(IdTable::block_count);
    Some(IdRange {
        pool: pool.name().clone(),
        name: name.clone(),
        start_id: number(IdTable::start_id),
        last_id: number(|table| table.whole().last()),
        block_size: number(IdTable::block_size),
        block_count,
        allocated,
        free: block_count - allocated,
        health: Health::of(failure),
        failure: failure.cloned(),
        attrs: doc.map_or_else(Attrs::new, |doc| doc.attrs.clone()),
    })
}

/// The free and allocated blocks of an id range, in order; `None` if there is no such range. Empty
/// while its file cannot be read.
pub fn segments(pool: &PoolState, name: &IdRangeName) -> Option<Vec<IdSegment>> {
    let entry = pool.id_ranges().get(name)?;
    let Some(doc) = entry.doc() else {
        return Some(Vec::new());
    };
    let segment = |segment: os_types::Segment| {
        let span = doc
            .table
            .span(segment.block_index, segment.block_count)
            .ok()?;
        Some(IdSegment {
            kind: match segment.allocation {
                None => SegmentKind::Free,
                Some(_) => SegmentKind::Allocated,
            },
            block_index: segment.block_index,
            block_count: segment.block_count,
            owner: segment.allocation.and_then(|allocation| allocation.owner),
            first_id: span.first(),
            last_id: span.last(),
            id_count: span.count(),
        })
    };
    Some(
        doc.table
            .segments()
            .into_iter()
            .filter_map(segment)
            .collect(),
    )
}
