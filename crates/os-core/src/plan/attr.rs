//! `attr-set` and `attr-unset`: user attributes of an entity.

use os_api::command::attr::AttrTarget;
use os_api::command::{AttrSet, AttrUnset};
use os_api::view::Attrs;
use os_store::Document;
use os_types::{Code, Failure, Plan};

use super::context::{Context, on_pool};
use super::pool_set;
use crate::document::{ContainerDoc, GroupDoc, IdRangeDoc, UserDoc};
use crate::state::Found;

/// The longest value in bytes: attributes are notes, not data.
const LONGEST: usize = 16 << 10;

pub(super) fn set(body: &AttrSet, context: &Context<'_>) -> Result<Plan, Failure> {
    if body.value.len() > LONGEST {
        let (key, length) = (&body.key, body.value.len());
        let text = format!(
            "the value of attribute {key} has {length} bytes, at most {LONGEST} are allowed"
        );
        return Err(Failure::new(Code::Body, text));
    }
    change(&body.target, context, |attrs| {
        attrs.insert(body.key.clone(), body.value.clone());
    })
}

pub(super) fn unset(body: &AttrUnset, context: &Context<'_>) -> Result<Plan, Failure> {
    change(&body.target, context, |attrs| {
        attrs.remove(&body.key);
    })
}

fn change(
    target: &AttrTarget,
    context: &Context<'_>,
    change: impl FnOnce(&mut Attrs),
) -> Result<Plan, Failure> {
    match target {
        AttrTarget::Pool { pool } => {
            pool_set::change(context.pool(Some(pool))?, |doc| change(&mut doc.attrs))
        }
        AttrTarget::IdRange { pool, name } => {
            let found = context.find(pool.as_ref(), name)?;
            rewrite(&found, |doc: &mut IdRangeDoc| change(&mut doc.attrs))
        }
        AttrTarget::User { pool, name } => {
            let found = context.find(pool.as_ref(), name)?;
            rewrite(&found, |doc: &mut UserDoc| change(&mut doc.attrs))
        }
        AttrTarget::Container { pool, name } => {
            let found = context.find(pool.as_ref(), name)?;
            rewrite(&found, |doc: &mut ContainerDoc| change(&mut doc.attrs))
        }
        AttrTarget::Group { pool, name } => {
            let found = context.find(pool.as_ref(), name)?;
            rewrite(&found, |doc: &mut GroupDoc| change(&mut doc.attrs))
        }
    }
}

/// The plan that changes the document of something on a pool.
pub(super) fn rewrite<T: Document + Clone + PartialEq>(
    found: &Found<'_, T>,
    change: impl FnOnce(&mut T),
) -> Result<Plan, Failure> {
    let mut doc = found.usable()?.doc.clone();
    change(&mut doc);
    let steps = found.rewrite(&doc)?;
    Ok(on_pool(found.pool.name(), steps, [found.entity.clone()]))
}
