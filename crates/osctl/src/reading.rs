//! What reading commands ask: the daemon, or the pools themselves when it does not run.

use std::fmt::Display;
use std::rc::Rc;

use os_api::Endpoint;
use os_api::endpoint::{
    ContainerGet, ContainerList, ContainerPart, ContainersQuery, GroupGet, GroupList, GroupPart,
    IdRangeGet, IdRangeList, IdRangePart, IdRangeTable, Nothing, OnPool, PoolGet, PoolList,
    PoolPart, UserGet, UserList, UserPart,
};
use os_api::view::{Container, Group, IdRange, IdSegment, Pool, User};
use os_types::{Code, ContainerName, Failure, GroupName, IdRangeName, PoolName, UserName};

use crate::context::Ctx;
use crate::fault::Fault;
use crate::offline::Offline;
use crate::target::Ref;

type Read<T> = Result<T, Fault>;

/// All imported pools.
pub(crate) fn pools(ctx: &mut Ctx) -> Read<Vec<Pool>> {
    let told = ctx.client.ask::<PoolList>(&Nothing {}, &Nothing {});
    or_offline(ctx, told, |pools| Ok(pools.pools()))
}

/// One pool.
pub(crate) fn pool(ctx: &mut Ctx, pool: PoolName) -> Read<Pool> {
    let part = PoolPart { pool };
    let told = ctx.client.ask::<PoolGet>(&part, &Nothing {});
    or_offline(ctx, told, |pools| pools.pool(&part.pool))
}

/// The users of the pool of `--pool`, or of all.
pub(crate) fn users(ctx: &mut Ctx) -> Read<Vec<User>> {
    let query = on_pool(ctx);
    let told = ctx.client.ask::<UserList>(&Nothing {}, &query);
    or_offline(ctx, told, |pools| pools.users(query.pool.as_ref()))
}

/// One user.
pub(crate) fn user(ctx: &mut Ctx, user: Ref<UserName>) -> Read<User> {
    let user = user.or_pool(ctx.pool());
    let told = find::<UserGet, _>(ctx, &user, "user", |pool, name| UserPart { pool, name });
    or_offline(ctx, told, |pools| pools.user(&user))
}

/// The groups of the pool of `--pool`, or of all.
pub(crate) fn groups(ctx: &mut Ctx) -> Read<Vec<Group>> {
    let query = on_pool(ctx);
    let told = ctx.client.ask::<GroupList>(&Nothing {}, &query);
    or_offline(ctx, told, |pools| pools.groups(query.pool.as_ref()))
}

/// One group.
pub(crate) fn group(ctx: &mut Ctx, group: Ref<GroupName>) -> Read<Group> {
    let group = group.or_pool(ctx.pool());
    let told = find::<GroupGet, _>(ctx, &group, "group", |pool, name| GroupPart { pool, name });
    or_offline(ctx, told, |pools| pools.group(&group))
}

/// The containers of the pool of `--pool`, or of all; `brief` without [`Container::DETAILS`].
pub(crate) fn containers(ctx: &mut Ctx, brief: bool) -> Read<Vec<Container>> {
    let query = ContainersQuery {
        pool: ctx.pool().cloned(),
        brief,
    };
    let told = ctx.client.ask::<ContainerList>(&Nothing {}, &query);
    or_offline(ctx, told, |pools| pools.containers(query.pool.as_ref()))
}

/// One container.
pub(crate) fn container(ctx: &mut Ctx, container: Ref<ContainerName>) -> Read<Container> {
    let container = container.or_pool(ctx.pool());
    let told = find::<ContainerGet, _>(ctx, &container, "container", |pool, name| ContainerPart {
        pool,
        name,
    });
    or_offline(ctx, told, |pools| pools.container(&container))
}

/// The id ranges of the pool of `--pool`, or of all.
pub(crate) fn id_ranges(ctx: &mut Ctx) -> Read<Vec<IdRange>> {
    let query = on_pool(ctx);
    let told = ctx.client.ask::<IdRangeList>(&Nothing {}, &query);
    or_offline(ctx, told, |pools| pools.id_ranges(query.pool.as_ref()))
}

/// One id range.
pub(crate) fn id_range(ctx: &mut Ctx, range: Ref<IdRangeName>) -> Read<IdRange> {
    let range = range.or_pool(ctx.pool());
    let told = find::<IdRangeGet, _>(ctx, &range, "id-range", part_of_range);
    or_offline(ctx, told, |pools| pools.id_range(&range))
}

/// The blocks of one id range.
pub(crate) fn id_table(ctx: &mut Ctx, range: Ref<IdRangeName>) -> Read<Vec<IdSegment>> {
    let range = range.or_pool(ctx.pool());
    let told = find::<IdRangeTable, _>(ctx, &range, "id-range", part_of_range);
    or_offline(ctx, told, |pools| pools.id_table(&range))
}

fn part_of_range(pool: PoolName, name: IdRangeName) -> IdRangePart {
    IdRangePart { pool, name }
}

fn on_pool(ctx: &Ctx) -> OnPool {
    OnPool {
        pool: ctx.pool().cloned(),
    }
}

/// What the daemon answers on the pool that `what` names, or on the first that has such a thing.
fn find<E, N>(
    ctx: &mut Ctx,
    what: &Ref<N>,
    kind: &str,
    part: impl Fn(PoolName, N) -> E::Path,
) -> Result<E::Answer, Failure>
where
    E: Endpoint<Query = Nothing>,
    N: Clone + Display,
{
    let name = &what.name;
    if let Some(pool) = &what.pool {
        return ctx
            .client
            .ask::<E>(&part(pool.clone(), name.clone()), &Nothing {});
    }
    let mut hint = None;
    for pool in ctx.client.ask::<PoolList>(&Nothing {}, &Nothing {})? {
        match ctx
            .client
            .ask::<E>(&part(pool.name, name.clone()), &Nothing {})
        {
            // The daemon suggests a name that is like the one asked for.
            Err(failure) if failure.code == Code::NotFound => {
                hint = hint.or_else(|| failure.message.contains("did you mean").then_some(failure));
            }
            found => return found,
        }
    }
    if let Some(failure) = hint {
        return Err(failure);
    }
    let failure = Failure::new(
        Code::NotFound,
        format!("no imported pool has a {kind} {name}"),
    );
    let command = if kind == "container" { "ct" } else { kind };
    Err(failure
        .about(format_args!("{kind} {name}"))
        .next(format!("osctl {command} ls")))
}

/// What the daemon told; if it does not run, what the pools themselves say.
fn or_offline<T>(
    ctx: &mut Ctx,
    told: Result<T, Failure>,
    read: impl FnOnce(&Offline) -> Result<T, Failure>,
) -> Read<T> {
    match told {
        Err(failure) if failure.code == Code::NoDaemon => Ok(read(&*offline(ctx)?)?),
        told => Ok(told?),
    }
}

/// The pools, read once; says so when it does.
fn offline(ctx: &mut Ctx) -> Read<Rc<Offline>> {
    if let Some(offline) = &ctx.offline {
        return Ok(Rc::clone(offline));
    }
    let offline = Rc::new(Offline::read(&ctx.globals.root)?);
    ctx.printer
        .note("osctld cannot be reached; read from the pools");
    for pool in &offline.unread {
        ctx.printer
            .note(format_args!("pool {pool} cannot be read without osctld"));
    }
    ctx.offline = Some(Rc::clone(&offline));
    Ok(offline)
}
