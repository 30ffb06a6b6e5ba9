//! Pools and where they come from.

use std::time::Duration;

use os_api::endpoint::{Nothing, PoolPart};
use os_api::view::{Pool, PoolSource, PoolState};
use os_core::State;
use os_core::view::{self, PoolFigures};
use os_types::{ByteSize, DatasetName, Failure, PoolName};

use crate::app::App;

/// How long a listing waits for a file system that may hang, once; afterwards it does not wait for
/// this one until it has answered.
const PATIENCE: Duration = Duration::from_millis(500);

#[expect(
    clippy::unnecessary_wraps,
    reason = "all reading endpoints have one signature"
)]
pub(crate) fn list(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<Pool>, Failure> {
    let state = app.host().state();
    let active = state
        .pools()
        .iter()
        .map(|pool| view(app, &state, pool, PoolState::Active));
    let mut pools: Vec<Pool> = active.collect();
    for pool in app.host().importing().now() {
        if state.pool(&pool).is_none() {
            pools.push(importing(app, &state, &pool));
        }
    }
    Ok(pools)
}

pub(crate) fn get(app: &App, part: &PoolPart, _: &Nothing) -> Result<Pool, Failure> {
    let state = app.host().state();
    if state.pool(&part.pool).is_none() && app.host().importing().contains(&part.pool) {
        return Ok(importing(app, &state, &part.pool));
    }
    let pool = state.pool_or_default(Some(&part.pool))?;
    Ok(view(app, &state, pool, PoolState::Active))
}

/// A pool of which nothing is known yet but that it is coming.
fn importing(app: &App, state: &State, pool: &PoolName) -> Pool {
    let folder = app.host().paths().pool(pool);
    let empty = os_core::PoolState::new(&DatasetName::from(pool), folder);
    view(app, state, &empty, PoolState::Importing)
}

pub(crate) fn sources(app: &App, _: &Nothing, _: &Nothing) -> Result<Vec<PoolSource>, Failure> {
    let host = app.host();
    Ok(view::sources(
        &host.state(),
        &host.look_at_sources(PATIENCE)?,
    ))
}

/// The pool with its figures, which are left out if it does not answer.
fn view(app: &App, state: &State, pool: &os_core::PoolState, stage: PoolState) -> Pool {
    let space = app.host().pool_space(pool.name(), PATIENCE);
    let figures = PoolFigures {
        source: app.host().source(pool.name()),
        size: space.map(|space| ByteSize(space.total)),
        used: space.map(|space| ByteSize(space.total.saturating_sub(space.free))),
        available: space.map(|space| ByteSize(space.available)),
    };
    view::pool(state, pool, stage, figures)
}
