//! `user-new`: a user with ids of its own.

use os_api::command::UserNew;
use os_types::step::SystemUserStep;
use os_types::{Failure, Plan, Presence, Step};

use super::context::{Context, on_pool, rewrite};
use super::user_ids;
use crate::accounts::{system_user, taken_by_host};
use crate::document::UserDoc;

pub(super) fn plan(body: &UserNew, context: &Context<'_>) -> Result<Plan, Failure> {
    plan_with_document(body, context).map(|(plan, _doc)| plan)
}

/// The plan, and what the file of the user will say.
pub(super) fn plan_with_document(
    body: &UserNew,
    context: &Context<'_>,
) -> Result<(Plan, UserDoc), Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    let (name, on) = (&body.name, pool.name());
    if pool.users().contains_key(name) {
        return Err(Failure::exists(format!("user {on}:{name}"))
            .next(format!("osctl user show {on}:{name}")));
    }
    let system_user = system_user(on, name);
    if context.facts.foreign.has_account(&system_user) {
        return Err(taken_by_host(&system_user));
    }
    let ids = user_ids::choose(body, pool, context)?;

    let mut doc = UserDoc::new(ids.uid_map, ids.gid_map);
    doc.standalone = body.standalone;
    doc.block = ids.block;
    let entity = name.entity(on);
    // The block first: a crash in between leaves ids that nobody uses, not a user without ids.
    let mut steps: Vec<Step> = ids.step.into_iter().collect();
    steps.extend(rewrite(on, &entity, None, &doc)?);
    steps.push(Step::SystemUser(SystemUserStep {
        pool: on.clone(),
        user: name.clone(),
        to: Presence::Present,
    }));
    let touches = [entity].into_iter().chain(ids.range);
    Ok((on_pool(on, steps, touches), doc))
}
