//! `user-set`: settings of a user.

use os_api::command::UserSet;
use os_types::{Failure, Plan};

use super::context::{Context, on_pool};

pub(super) fn plan(body: &UserSet, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let mut doc = found.usable()?.doc.clone();
    doc.standalone = body.standalone;
    let steps = found.rewrite(&doc)?;
    Ok(on_pool(found.pool.name(), steps, [found.entity.clone()]))
}
