//! Columns of id ranges and of their tables.

use os_api::view::{Attrs, IdRange, IdSegment};
use os_types::Failure;

use super::{problem, word};
use crate::listing::{Column, Row, text};

impl Row for IdRange {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("pool", |range| text(&range.pool)),
        Column::main("name", |range| text(&range.name)),
        Column::main("start_id", |range| range.start_id.into()),
        Column::main("last_id", |range| range.last_id.into()),
        Column::main("block_size", |range| range.block_size.into()),
        Column::main("block_count", |range| range.block_count.into()),
        Column::main("allocated", |range| range.allocated.into()),
        Column::main("free", |range| range.free.into()),
        Column::more("health", |range| text(word(range.health))),
        Column::of(
            "failure",
            Column::more("problem", |range| problem(range.failure.as_ref())),
        ),
    ];

    fn attrs(&self) -> Option<&Attrs> {
        Some(&self.attrs)
    }

    fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl Row for IdSegment {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("type", |segment| text(word(segment.kind))),
        Column::main("block_index", |segment| segment.block_index.into()),
        Column::main("block_count", |segment| segment.block_count.into()),
        Column::main("owner", |segment| segment.owner.as_ref().map(text).into()),
        Column::main("first_id", |segment| segment.first_id.into()),
        Column::main("last_id", |segment| segment.last_id.into()),
        Column::main("id_count", |segment| segment.id_count.into()),
    ];
}
