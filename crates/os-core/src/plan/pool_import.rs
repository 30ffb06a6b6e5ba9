//! `pool-import`: a pool is opened and what is on it registered.

use os_api::command::PoolImport;
use os_types::step::{PoolActiveStep, PoolMarkStep, PoolOpenStep};
use os_types::{Failure, HostPath, Plan, Presence, Step};

use super::context::{Context, about_pool};
use super::source;

pub(super) fn plan(body: &PoolImport, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let to = Presence::Present;
    let mut steps = Vec::new();
    steps.extend(source::remember(
        pool,
        body.source.as_ref().map(HostPath::as_path),
        context,
    )?);
    steps.push(Step::PoolOpen(PoolOpenStep {
        pool: pool.clone(),
        force: body.force,
        installed: true,
        to,
    }));
    steps.push(Step::PoolMark(PoolMarkStep {
        pool: pool.clone(),
        to,
    }));
    steps.push(Step::PoolActive(PoolActiveStep {
        pool: pool.clone(),
        keep_users: false,
        to,
    }));
    Ok(about_pool(pool, steps))
}
