//! `user-set`: settings of a user.

use os_api::command::UserSet;
use os_types::{Failure, Plan};

use super::attr;
use super::context::Context;

pub(super) fn plan(body: &UserSet, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    attr::rewrite(&found, |doc| doc.standalone = body.standalone)
}
