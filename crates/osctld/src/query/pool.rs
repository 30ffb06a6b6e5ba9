//! Pools and where they come from.

use os_api::endpoint::{Nothing, PoolPart};
use os_api::view::{Pool, PoolSource, PoolState};
use os_core::view::{self, PoolFigures};
use os_core::{Facts, State};
use os_sys::space_of;
use os_types::{ByteSize, DatasetName, Failure, PoolName};

use crate::app::App;

pub(crate) fn list(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<Pool>, Failure> {
    let (state, facts) = (app.host().state(), app.host().facts()?);
    let active = state
        .pools()
        .iter()
        .map(|pool| view(&state, &facts, pool, PoolState::Active));
    let mut pools: Vec<Pool> = active.collect();
    for pool in app.host().importing().now() {
        if state.pool(&pool).is_none() {
            pools.push(importing(&state, &facts, &pool));
        }
    }
    Ok(pools)
}

pub(crate) fn get(app: &App, part: &PoolPart, _: &Nothing) -> Result<Pool, Failure> {
    let (state, facts) = (app.host().state(), app.host().facts()?);
    if state.pool(&part.pool).is_none() && app.host().importing().now().contains(&part.pool) {
        return Ok(importing(&state, &facts, &part.pool));
    }
    let pool = state.pool_or_default(Some(&part.pool))?;
    Ok(view(&state, &facts, pool, PoolState::Active))
}

/// A pool of which nothing is known yet but that it is coming.
fn importing(state: &State, facts: &Facts, pool: &PoolName) -> Pool {
    let empty = os_core::PoolState::new(&DatasetName::from(pool), facts.mountpoint(pool));
    view(state, facts, &empty, PoolState::Importing)
}

pub(crate) fn sources(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<PoolSource>, Failure> {
    Ok(view::sources(&app.host().state(), &app.host().facts()?))
}

/// The pool with its figures, which the kernel has at hand: no program is started.
fn view(state: &State, facts: &Facts, pool: &os_core::PoolState, stage: PoolState) -> Pool {
    let space = space_of(&facts.mountpoint(pool.name())).ok();
    let figures = PoolFigures {
        size: space.map(|space| ByteSize(space.total)),
        used: space.map(|space| ByteSize(space.total.saturating_sub(space.free))),
        available: space.map(|space| ByteSize(space.available)),
    };
    view::pool(state, facts, pool, stage, figures)
}
