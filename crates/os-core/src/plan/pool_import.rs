//! `pool-import`: a pool is opened and what is on it registered.

use os_api::command::PoolImport;
use os_types::step::{PoolActiveStep, PoolMarkStep, PoolOpenStep};
use os_types::{Failure, Plan, PoolName, Presence, Step};

use super::context::{Context, about_pool};
use super::source;

pub(super) fn plan(body: &PoolImport, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let mut steps = Vec::new();
    steps.extend(source::remember(pool, body.source.as_ref(), context)?);
    steps.push(Step::PoolOpen(PoolOpenStep {
        pool: pool.clone(),
        force: body.force,
        installed: true,
        to: Presence::Present,
    }));
    steps.extend(activate(pool));
    Ok(about_pool(pool, steps))
}

/// The steps that take a pool into use that was just opened.
pub(super) fn activate(pool: &PoolName) -> Vec<Step> {
    let to = Presence::Present;
    let mark = PoolMarkStep {
        pool: pool.clone(),
        to,
    };
    let active = PoolActiveStep {
        pool: pool.clone(),
        keep_users: false,
        to,
    };
    let mut steps = vec![mark.into()];
    steps.extend(active.steps());
    steps
}
