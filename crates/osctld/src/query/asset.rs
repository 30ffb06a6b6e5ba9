//! Assets: what entities expect, and how it was found.

use os_api::endpoint::{AssetsQuery, Nothing};
use os_api::view::Asset;
use os_types::Failure;

use crate::app::App;
use crate::host::probe::Look;

pub(crate) fn list(app: &App, _: &Nothing, query: &AssetsQuery) -> Result<Vec<Asset>, Failure> {
    let host = app.host();
    let facts = host.facts()?;
    os_core::asset::query(&host.state(), &facts, query, &Look::new(host))
}
