//! `pool-export`: what is on a pool is unregistered and the pool closed.

use os_api::command::PoolExport;
use os_types::{Failure, Plan, Presence, Step};

use super::context::{Context, about_pool};

pub(super) fn plan(body: &PoolExport, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    if body.if_imported && context.state.pool(pool).is_none() {
        return Ok(about_pool(pool, Vec::new()));
    }
    context.pool(Some(pool))?;
    let to = Presence::Absent;
    let steps = vec![
        Step::PoolActive {
            pool: pool.clone(),
            keep_users: !body.unregister_users,
            to,
        },
        Step::PoolMark {
            pool: pool.clone(),
            to,
        },
        Step::PoolOpen {
            pool: pool.clone(),
            force: false,
            installed: true,
            to,
        },
    ];
    Ok(about_pool(pool, steps))
}
