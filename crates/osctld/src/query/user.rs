//! Users.

use os_api::endpoint::{NamePart, Nothing, OnPool, UserPart};
use os_api::view::User;
use os_core::view;
use os_types::{Failure, PoolName, UserName};

use crate::app::App;

pub(crate) fn list(app: &App, _: &Nothing, query: &OnPool) -> Result<Vec<User>, Failure> {
    let host = app.host();
    Ok(view::users(
        &host.state(),
        &host.view_facts(),
        query.pool.as_ref(),
    )?)
}

pub(crate) fn get(app: &App, part: &UserPart, _: &Nothing) -> Result<User, Failure> {
    view_of(app, Some(&part.pool), &part.name)
}

pub(crate) fn find(app: &App, part: &NamePart<UserName>, _: &Nothing) -> Result<User, Failure> {
    view_of(app, None, &part.name)
}

/// The user on `pool`, or on the first pool that has one of this name.
fn view_of(app: &App, pool: Option<&PoolName>, name: &UserName) -> Result<User, Failure> {
    let (state, facts) = (app.host().state(), app.host().view_facts());
    let user = state.find(pool, name)?;
    let view = view::user(&state, &facts, user.pool, name);
    view.ok_or_else(|| super::vanished(&user.entity))
}
