//! `pool-forget`: the host forgets an exported pool, and its users' host ids are free again.

use os_api::command::PoolForget;
use os_types::{Failure, Plan};

use super::context::{Context, about_pool};
use super::source;

/// A pool whose source is not known any more, but its ids are, can be forgotten, too.
pub(super) fn plan(body: &PoolForget, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let known = context.not_imported(pool)?;
    if known.is_none() && !context.state.remembered().pools.contains_key(pool) {
        context.exported(pool)?;
    }
    let step = source::step(pool, known.map(|known| known.path.clone()), None);
    Ok(about_pool(pool, vec![step]))
}
