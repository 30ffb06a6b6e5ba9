//! What reading commands ask: the daemon, or the pools themselves when it does not run.

use os_api::Endpoint;
use os_api::endpoint::{
    GroupGet, GroupList, GroupPart, IdRangeGet, IdRangeList, IdRangePart, IdRangeTable, Nothing,
    OnPool, PoolGet, PoolList, PoolPart, UserGet, UserList, UserPart,
};
use os_api::view::{Group, IdRange, IdSegment, Pool, User};
use os_types::{Code, Failure, GroupName, IdRangeName, PoolName, UserName};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::target::Ref;

type Read<T> = Result<T, Fault>;

/// The names of the imported pools, in order of import.
pub(crate) fn pool_names(ctx: &mut Ctx) -> Read<Vec<PoolName>> {
    Ok(pools(ctx)?.into_iter().map(|pool| pool.name).collect())
}

/// All imported pools.
pub(crate) fn pools(ctx: &mut Ctx) -> Read<Vec<Pool>> {
    ask::<PoolList>(ctx, &Nothing {}, &Nothing {})
}

/// One pool.
pub(crate) fn pool(ctx: &mut Ctx, pool: PoolName) -> Read<Pool> {
    ask::<PoolGet>(ctx, &PoolPart { pool }, &Nothing {})
}

/// The users of the pool of `--pool`, or of all.
pub(crate) fn users(ctx: &mut Ctx) -> Read<Vec<User>> {
    let query = on_pool(ctx);
    ask::<UserList>(ctx, &Nothing {}, &query)
}

/// One user.
pub(crate) fn user(ctx: &mut Ctx, user: Ref<UserName>) -> Read<User> {
    find::<UserGet, _>(ctx, user, "user", |pool, name| UserPart { pool, name })
}

/// The groups of the pool of `--pool`, or of all.
pub(crate) fn groups(ctx: &mut Ctx) -> Read<Vec<Group>> {
    let query = on_pool(ctx);
    ask::<GroupList>(ctx, &Nothing {}, &query)
}

/// One group.
pub(crate) fn group(ctx: &mut Ctx, group: Ref<GroupName>) -> Read<Group> {
    find::<GroupGet, _>(ctx, group, "group", |pool, name| GroupPart { pool, name })
}

/// The id ranges of the pool of `--pool`, or of all.
pub(crate) fn id_ranges(ctx: &mut Ctx) -> Read<Vec<IdRange>> {
    let query = on_pool(ctx);
    ask::<IdRangeList>(ctx, &Nothing {}, &query)
}

/// One id range.
pub(crate) fn id_range(ctx: &mut Ctx, range: Ref<IdRangeName>) -> Read<IdRange> {
    find::<IdRangeGet, _>(ctx, range, "id-range", |pool, name| IdRangePart {
        pool,
        name,
    })
}

/// The blocks of one id range.
pub(crate) fn id_table(ctx: &mut Ctx, range: Ref<IdRangeName>) -> Read<Vec<IdSegment>> {
    find::<IdRangeTable, _>(ctx, range, "id-range", |pool, name| IdRangePart {
        pool,
        name,
    })
}

fn on_pool(ctx: &Ctx) -> OnPool {
    OnPool {
        pool: ctx.pool().cloned(),
    }
}

/// The first answer over the pools that `what` may be on: its own, that of `--pool`, or all.
fn find<E, N>(
    ctx: &mut Ctx,
    what: Ref<N>,
    kind: &str,
    part: impl Fn(PoolName, N) -> E::Path,
) -> Read<E::Answer>
where
    E: Endpoint<Query = Nothing>,
    N: Clone + std::fmt::Display,
{
    let what = what.or_pool(ctx.pool());
    if let Some(pool) = what.pool {
        return ask::<E>(ctx, &part(pool, what.name), &Nothing {});
    }
    for pool in pool_names(ctx)? {
        match ask::<E>(ctx, &part(pool, what.name.clone()), &Nothing {}) {
            Err(Fault::Failure(failure)) if failure.code == Code::NotFound => {}
            found => return found,
        }
    }
    let message = format!("no imported pool has a {kind} {}", what.name);
    let failure = Failure::new(Code::NotFound, message).about(format_args!("{kind} {}", what.name));
    Err(failure.next(format!("osctl {kind} ls")).into())
}

fn ask<E: Endpoint>(ctx: &mut Ctx, path: &E::Path, query: &E::Query) -> Read<E::Answer> {
    Ok(ctx.client.ask::<E>(path, query)?)
}
