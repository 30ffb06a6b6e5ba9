//! `pool-uninstall`: an exported pool becomes an ordinary file system, and the host forgets it.

use os_api::command::PoolUninstall;
use os_types::step::PoolOpenStep;
use os_types::{Failure, Plan, Presence, Step};

use super::context::{Context, about_pool};
use super::{ACTIVE_PROPERTY, source};

/// The property of a scoped dataset stays: what it says is known only once the pool is open, and
/// without the other property it means nothing. A later `pool install` finds it and keeps to it.
pub(super) fn plan(body: &PoolUninstall, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let known = context.exported(pool)?;
    let steps = vec![
        Step::PoolOpen(PoolOpenStep {
            pool: pool.clone(),
            force: false,
            installed: true,
            to: Presence::Present,
        }),
        source::property(pool, ACTIVE_PROPERTY, [Some("yes"), None]),
        // Not `installed`: the step back opens what is not a pool any more.
        Step::PoolOpen(PoolOpenStep {
            pool: pool.clone(),
            force: false,
            installed: false,
            to: Presence::Absent,
        }),
        source::step(pool, Some(known.path.clone()), None),
    ];
    Ok(about_pool(pool, steps))
}
