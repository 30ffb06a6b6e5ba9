//! `id-range-new`: an id range.
//!
//! Ranges of different pools may overlap: every pool has `default`, and an allocation is checked
//! against those of all pools. On one pool two overlapping ranges would only confuse people.

use os_api::command::IdRangeNew;
use os_types::id_table::IdTableError;
use os_types::{Code, EntityRef, Explain, Failure, IdSpan, IdTable, Plan};

use super::context::{Context, on_pool, refuse};
use crate::document::{self, IdRangeDoc};
use crate::layout;

#[derive(Debug, thiserror::Error)]
enum IdRangeNewError {
    #[error("{0} exists already")]
    Exists(EntityRef),
    #[error("{0} cannot be")]
    Table(EntityRef, #[source] IdTableError),
    #[error("its ids overlap ids {span} of {other}")]
    Overlap { other: EntityRef, span: IdSpan },
}

impl Explain for IdRangeNewError {
    fn code(&self) -> Code {
        match self {
            Self::Exists(_) => Code::Exists,
            Self::Table(..) => Code::Body,
            Self::Overlap { .. } => Code::Overlap,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Exists(range) | Self::Table(range, _) | Self::Overlap { other: range, .. } => {
                Some(range.to_string())
            }
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Table(..) => None,
            Self::Exists(_) | Self::Overlap { .. } => Some("osctl id-range ls".to_owned()),
        }
    }
}

pub(super) fn plan(body: &IdRangeNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    let range = |name: &os_types::IdRangeName| EntityRef::IdRange {
        pool: pool.name().clone(),
        name: name.clone(),
    };
    let entity = range(&body.name);
    if pool.id_ranges().contains_key(&body.name) {
        return Err(refuse(IdRangeNewError::Exists(entity)));
    }
    let table = IdTable::new(body.start_id, body.block_size, body.block_count)
        .map_err(|error| refuse(IdRangeNewError::Table(entity.clone(), error)))?;
    for (name, entry) in pool.id_ranges() {
        let span = entry.doc().map(|doc| doc.table.whole());
        if let Some(span) = span.filter(|span| span.overlaps(table.whole())) {
            let other = range(name);
            return Err(refuse(IdRangeNewError::Overlap { other, span }));
        }
    }
    let text = document::text(&IdRangeDoc::new(table));
    let step = layout::file_step(pool.name(), &entity, None, Some(text))?;
    // The host too: another range with some of the ids may just be being made.
    let touches = [EntityRef::Host, entity];
    Ok(on_pool(pool.name(), vec![step], touches))
}
