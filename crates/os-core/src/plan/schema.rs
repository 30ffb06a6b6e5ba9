//! The documents of a pool in an older schema, for an osctld that does not know ours.
//!
//! There is no counterpart for the way up: documents of an older schema are read as they are, and
//! each is written in ours when it changes (ADR-15).

use os_store::document::{self, Document};
use os_types::{Code, EntityRef, Failure, Step};

use crate::layout;
use crate::state::{Entry, PoolState};

/// The steps that write each document of `pool` in `schema`; none for those that are not newer.
///
/// # Errors
/// When a document cannot be read, or holds something that the schema cannot say. Then no file is
/// changed.
pub(super) fn rewrite(pool: &PoolState, schema: u32) -> Result<Vec<Step>, Failure> {
    let name = pool.name();
    let mut steps = Vec::new();
    if let Some(entry) = pool.config() {
        steps.extend(file(
            pool,
            &EntityRef::Pool { pool: name.clone() },
            entry,
            schema,
        )?);
    }
    for (group, entry) in pool.groups() {
        let entity = group.entity(name);
        steps.extend(file(pool, &entity, entry, schema)?);
    }
    for (container, entry) in pool.containers() {
        let entity = container.entity(name);
        steps.extend(file(pool, &entity, entry, schema)?);
    }
    Ok(steps)
}

fn file<T: Document>(
    pool: &PoolState,
    entity: &EntityRef,
    entry: &Entry<T>,
    schema: u32,
) -> Result<Option<Step>, Failure> {
    let loaded = entry.usable().map_err(Clone::clone)?;
    let refuse = |error: os_store::DocumentError| {
        let text = format!(
            "{entity} cannot be written in schema {schema}: {}",
            error.fault
        );
        Failure::new(Code::PoolSchema, text).about(entity)
    };
    if document::schema_of::<T>(&loaded.text).map_err(refuse)? <= schema {
        return Ok(None);
    }
    let text = document::render_at(&loaded.doc, schema).map_err(refuse)?;
    let step = layout::file_step(pool.name(), entity, Some(&loaded.text), Some(text))?;
    Ok(Some(step))
}
