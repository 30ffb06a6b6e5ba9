//! `pool-reload`: the files of a pool are read again.

use os_api::command::PoolReload;
use os_types::step::PoolReloadStep;
use os_types::{Failure, Plan, Step};

use super::context::{Context, about_pool};

pub(super) fn plan(body: &PoolReload, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(Some(&body.pool))?.name().clone();
    Ok(about_pool(
        &body.pool,
        vec![Step::PoolReload(PoolReloadStep { pool })],
    ))
}
