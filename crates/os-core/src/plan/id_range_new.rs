//! `id-range-new`: an id range.
//!
//! Ranges of different pools may overlap: every pool has `default`, and an allocation is checked
//! against those of all pools. On one pool two overlapping ranges would only confuse people.

use os_api::command::IdRangeNew;
use os_types::{Code, Failure, IdTable, Plan, chain};

use super::context::{Context, on_pool};
use crate::document::{self, IdRangeDoc};
use crate::layout;

pub(super) fn plan(body: &IdRangeNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    let range = |name: &os_types::IdRangeName| name.entity(pool.name());
    let entity = range(&body.name);
    if pool.id_ranges().contains_key(&body.name) {
        return Err(Failure::exists(entity).next("osctl id-range ls"));
    }
    let table =
        IdTable::new(body.start_id, body.block_size, body.block_count).map_err(|error| {
            let text = format!("{entity} cannot be: {}", chain(&error));
            Failure::new(Code::Body, text).about(&entity)
        })?;
    for (name, entry) in pool.id_ranges() {
        let span = entry.doc().map(|doc| doc.table.whole());
        if let Some(span) = span.filter(|span| span.overlaps(table.whole())) {
            let other = range(name);
            let text = format!("its ids overlap ids {span} of {other}");
            return Err(Failure::new(Code::Overlap, text)
                .about(other)
                .next("osctl id-range ls"));
        }
    }
    let text = document::text(&IdRangeDoc::new(table));
    let step = layout::file_step(pool.name(), &entity, None, Some(text))?;
    // The default range too, whether it exists or not: one range is created at a time.
    let default = range(&"default".parse()?);
    let touches = [default, entity];
    Ok(on_pool(pool.name(), vec![step], touches))
}
