//! Id ranges and their tables.

use os_api::endpoint::{IdRangePart, NamePart, Nothing, OnPool};
use os_api::view::{IdRange, IdSegment};
use os_core::view;
use os_types::{Failure, IdRangeName, PoolName};

use crate::app::App;

pub(crate) fn list(app: &App, _: &Nothing, query: &OnPool) -> Result<Vec<IdRange>, Failure> {
    Ok(view::id_ranges(&app.host().state(), query.pool.as_ref())?)
}

pub(crate) fn get(app: &App, part: &IdRangePart, _: &Nothing) -> Result<IdRange, Failure> {
    view_of(app, Some(&part.pool), &part.name)
}

pub(crate) fn find(
    app: &App,
    part: &NamePart<IdRangeName>,
    _: &Nothing,
) -> Result<IdRange, Failure> {
    view_of(app, None, &part.name)
}

/// The id range on `pool`, or on the first pool that has one of this name.
fn view_of(app: &App, pool: Option<&PoolName>, name: &IdRangeName) -> Result<IdRange, Failure> {
    let state = app.host().state();
    let range = state.find(pool, name)?;
    view::id_range(range.pool, name).ok_or_else(|| super::vanished(&range.entity))
}

pub(crate) fn table(app: &App, part: &IdRangePart, _: &Nothing) -> Result<Vec<IdSegment>, Failure> {
    let state = app.host().state();
    let range = state.find(Some(&part.pool), &part.name)?;
    view::segments(range.pool, &part.name).ok_or_else(|| super::vanished(&range.entity))
}
