//! `user-register` and `user-unregister`: the system users of one user, or of all.

use os_api::command::{UserRegister, UserUnregister};
use os_types::step::SystemUserStep;
use os_types::{Failure, Plan, PoolName, Presence, Step, UserName};

use super::context::{Context, running};
use crate::accounts::Registrar;
use crate::state::PoolState;

pub(super) fn register(body: &UserRegister, context: &Context<'_>) -> Result<Plan, Failure> {
    let mut registrar = Registrar::new(context.state, context.facts);
    select(
        (body.pool.as_ref(), body.name.as_ref()),
        context,
        |pool, user| {
            // Of all users, those that cannot be used are left out; `healthcheck` shows them.
            if body.name.is_none() && context.state.failure(pool, user).is_some() {
                return Ok(None);
            }
            registrar.account(pool, user)?;
            let registered = context.facts.account(pool, user).is_some();
            Ok((!registered).then_some(Presence::Present))
        },
    )
}

pub(super) fn unregister(body: &UserUnregister, context: &Context<'_>) -> Result<Plan, Failure> {
    select(
        (body.pool.as_ref(), body.name.as_ref()),
        context,
        |pool, user| {
            let registered = context.facts.account(pool, user).is_some();
            Ok(registered.then_some(Presence::Absent))
        },
    )
}

/// A step for each user named by the command that `decide` wants to move.
fn select(
    (pool, name): (Option<&PoolName>, Option<&UserName>),
    context: &Context<'_>,
    mut decide: impl FnMut(&PoolName, &UserName) -> Result<Option<Presence>, Failure>,
) -> Result<Plan, Failure> {
    let mut touches = Vec::new();
    let mut users = Vec::new();
    if let Some(name) = name {
        let found = context.find(pool, name)?;
        touches.push(found.entity.clone());
        users.push((found.pool, name));
    } else {
        let pools = match pool {
            Some(_) => std::slice::from_ref(context.pool(pool)?),
            None => context.state.pools(),
        };
        let all = |pool| PoolState::users(pool).keys().map(move |name| (pool, name));
        users.extend(pools.iter().flat_map(all));
    }
    let mut steps = Vec::new();
    for (pool, user) in users {
        let pool = pool.name();
        let Some(to) = decide(pool, user)? else {
            continue;
        };
        touches.push(user.entity(pool));
        steps.push(Step::SystemUser(SystemUserStep {
            pool: pool.clone(),
            user: user.clone(),
            to,
        }));
    }
    Ok(running(steps, touches))
}
