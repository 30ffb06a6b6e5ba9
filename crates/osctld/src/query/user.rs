//! Users.

use os_api::endpoint::{Nothing, OnPool, UserPart};
use os_api::view::User;
use os_core::view;
use os_types::Failure;

use crate::app::App;

pub(crate) fn list(app: &App, _: &Nothing, query: &OnPool) -> Result<Vec<User>, Failure> {
    let host = app.host();
    Ok(view::users(
        &host.state(),
        &host.facts()?,
        query.pool.as_ref(),
    )?)
}

pub(crate) fn get(app: &App, part: &UserPart, _: &Nothing) -> Result<User, Failure> {
    let (state, facts) = (app.host().state(), app.host().facts()?);
    let user = state.find_user(Some(&part.pool), &part.name)?;
    let view = view::user(&state, &facts, user.pool, &part.name);
    view.ok_or_else(|| super::vanished(&user.entity))
}
