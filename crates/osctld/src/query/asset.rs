//! Assets: what entities expect, and how it was found.

use os_api::endpoint::{AssetsQuery, Nothing};
use os_api::view::Asset;
use os_types::Failure;

use crate::app::App;

pub(crate) fn list(_: &App, _: Nothing, _: AssetsQuery) -> Result<Vec<Asset>, Failure> {
    Ok(Vec::new())
}
