//! `user-new`: a user with ids of its own.

use os_api::command::UserNew;
use os_types::step::SystemUserStep;
use os_types::{EntityRef, Failure, Plan, Presence, Step, UserName};

use super::context::{Context, on_pool, rewrite};
use super::user_ids::{self, ChosenIds};
use crate::accounts::{system_user, taken_by_host};
use crate::state::PoolState;

pub(super) fn plan(body: &UserNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(body.pool.as_ref())?;
    check_name(&body.name, pool, context)?;
    let mut ids = user_ids::choose(body, pool, context)?;
    ids.doc.standalone = body.standalone;
    let (steps, touches) = make(&body.name, ids, pool)?;
    Ok(on_pool(pool.name(), steps, touches))
}

/// Refuses a name that another user of the pool, or another account of the host, has.
pub(super) fn check_name(
    name: &UserName,
    pool: &PoolState,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let on = pool.name();
    if pool.users().contains_key(name) {
        return Err(Failure::exists(format!("user {on}:{name}"))
            .next(format!("osctl user show {on}:{name}")));
    }
    let system_user = system_user(on, name);
    if context.facts.foreign.has_account(&system_user) {
        return Err(taken_by_host(&system_user));
    }
    Ok(())
}

/// The steps that make a user with these ids, and what they touch.
pub(super) fn make(
    name: &UserName,
    ids: ChosenIds,
    pool: &PoolState,
) -> Result<(Vec<Step>, Vec<EntityRef>), Failure> {
    let on = pool.name();
    let entity = name.entity(on);
    // The block first: a crash in between leaves unused ids, not a user without ids.
    let mut steps: Vec<Step> = ids.step.into_iter().collect();
    steps.extend(rewrite(on, &entity, None, &ids.doc)?);
    steps.push(Step::SystemUser(SystemUserStep {
        pool: on.clone(),
        user: name.clone(),
        to: Presence::Present,
    }));
    let touches = [entity].into_iter().chain(ids.range);
    Ok((steps, touches.collect()))
}
