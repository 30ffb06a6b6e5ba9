//! Columns of assets.

use os_api::view::Asset;

use super::word;
use crate::listing::{Column, Row, Value, text};

impl Row for Asset {
    const COLUMNS: &'static [Column<Self>] = &[
        Column::main("entity", |asset| text(&asset.entity)),
        Column::main("type", |asset| text(word(asset.kind))),
        Column::main("path", |asset| text(&asset.path)),
        Column::main("state", |asset| text(word(asset.state))),
        Column::more("description", |asset| text(&asset.description)),
        Column::more("errors", |asset| Value::List(asset.errors.clone())),
        Column::more("next", |asset| asset.next.as_ref().map(text).into()),
    ];
}
