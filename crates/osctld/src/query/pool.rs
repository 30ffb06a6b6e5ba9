//! Pools and where they come from.

use os_api::endpoint::{Nothing, PoolPart};
use os_api::view::{Pool, PoolSource, PoolState};
use os_core::view::{self, PoolFigures};
use os_core::{Facts, State};
use os_sys::space_of;
use os_types::{ByteSize, Failure};

use super::found;
use crate::app::App;

pub(crate) fn list(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<Pool>, Failure> {
    let (state, facts) = (app.host().state(), app.host().facts()?);
    Ok(state
        .pools()
        .iter()
        .map(|pool| view(&state, &facts, pool))
        .collect())
}

pub(crate) fn get(app: &App, part: &PoolPart, _: &Nothing) -> Result<Pool, Failure> {
    let (state, facts) = (app.host().state(), app.host().facts()?);
    let pool = found(state.pool_or_default(Some(&part.pool)))?;
    Ok(view(&state, &facts, pool))
}

pub(crate) fn sources(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<PoolSource>, Failure> {
    Ok(view::sources(&app.host().state(), &app.host().facts()?))
}

/// The pool with its figures, which the kernel has at hand: no program is started.
fn view(state: &State, facts: &Facts, pool: &os_core::PoolState) -> Pool {
    let space = space_of(&facts.mountpoint(pool.name())).ok();
    let figures = PoolFigures {
        size: space.map(|space| ByteSize(space.total)),
        used: space.map(|space| ByteSize(space.total.saturating_sub(space.free))),
        available: space.map(|space| ByteSize(space.available)),
    };
    view::pool(state, facts, pool, PoolState::Active, figures)
}
