//! What reading commands ask: the daemon, or the pools themselves when it does not run.

use std::rc::Rc;

use os_api::Endpoint;
use os_api::endpoint::{
    ContainerFind, ContainerGet, ContainerList, ContainersQuery, EntityPart, GroupFind, GroupGet,
    GroupList, IdRangeFind, IdRangeGet, IdRangeList, IdRangeTable, NamePart, Nothing, OnPool,
    PoolGet, PoolList, PoolPart, UserFind, UserGet, UserList,
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
    let answer = ctx.client.ask::<PoolList>(&Nothing {}, &Nothing {});
    or_offline(ctx, answer, |pools| Ok(pools.pools()))
}

/// One pool.
pub(crate) fn pool(ctx: &mut Ctx, pool: PoolName) -> Read<Pool> {
    let part = PoolPart { pool };
    let answer = ctx.client.ask::<PoolGet>(&part, &Nothing {});
    or_offline(ctx, answer, |pools| pools.pool(&part.pool))
}

/// The users of the pool of `--pool`, or of all.
pub(crate) fn users(ctx: &mut Ctx) -> Read<Vec<User>> {
    let query = on_pool(ctx);
    let answer = ctx.client.ask::<UserList>(&Nothing {}, &query);
    or_offline(ctx, answer, |pools| pools.users(query.pool.as_ref()))
}

/// One user.
pub(crate) fn user(ctx: &mut Ctx, user: Ref<UserName>) -> Read<User> {
    let user = user.or_pool(ctx.pool());
    let answer = find::<UserGet, UserFind, _>(ctx, &user);
    or_offline(ctx, answer, |pools| pools.user(&user))
}

/// The groups of the pool of `--pool`, or of all.
pub(crate) fn groups(ctx: &mut Ctx) -> Read<Vec<Group>> {
    let query = on_pool(ctx);
    let answer = ctx.client.ask::<GroupList>(&Nothing {}, &query);
    or_offline(ctx, answer, |pools| pools.groups(query.pool.as_ref()))
}

/// One group.
pub(crate) fn group(ctx: &mut Ctx, group: Ref<GroupName>) -> Read<Group> {
    let group = group.or_pool(ctx.pool());
    let answer = find::<GroupGet, GroupFind, _>(ctx, &group);
    or_offline(ctx, answer, |pools| pools.group(&group))
}

/// The containers of the pool of `--pool`, or of all.
pub(crate) fn containers(ctx: &mut Ctx) -> Read<Vec<Container>> {
    containers_with(ctx, true)
}

/// The containers of the pool of `--pool`, or of all, with [`Container::DETAILS`] or without.
pub(crate) fn containers_with(ctx: &mut Ctx, details: bool) -> Read<Vec<Container>> {
    let query = ContainersQuery {
        pool: ctx.pool().cloned(),
        brief: !details,
    };
    let answer = ctx.client.ask::<ContainerList>(&Nothing {}, &query);
    or_offline(ctx, answer, |pools| pools.containers(query.pool.as_ref()))
}

/// One container.
pub(crate) fn container(ctx: &mut Ctx, container: Ref<ContainerName>) -> Read<Container> {
    let container = container.or_pool(ctx.pool());
    let answer = find::<ContainerGet, ContainerFind, _>(ctx, &container);
    or_offline(ctx, answer, |pools| pools.container(&container))
}

/// The id ranges of the pool of `--pool`, or of all.
pub(crate) fn id_ranges(ctx: &mut Ctx) -> Read<Vec<IdRange>> {
    let query = on_pool(ctx);
    let answer = ctx.client.ask::<IdRangeList>(&Nothing {}, &query);
    or_offline(ctx, answer, |pools| pools.id_ranges(query.pool.as_ref()))
}

/// One id range.
pub(crate) fn id_range(ctx: &mut Ctx, range: Ref<IdRangeName>) -> Read<IdRange> {
    let range = range.or_pool(ctx.pool());
    let answer = find::<IdRangeGet, IdRangeFind, _>(ctx, &range);
    or_offline(ctx, answer, |pools| pools.id_range(&range))
}

/// The blocks of one id range.
pub(crate) fn id_table(ctx: &mut Ctx, range: Ref<IdRangeName>) -> Read<Vec<IdSegment>> {
    let range = range.or_pool(ctx.pool());
    let name = range.name.clone();
    let part = match range.pool.clone() {
        Some(pool) => Ok(EntityPart { pool, name }),
        None => find::<IdRangeGet, IdRangeFind, _>(ctx, &range).map(|found| EntityPart {
            pool: found.pool,
            name,
        }),
    };
    let asked = part.and_then(|part| ctx.client.ask::<IdRangeTable>(&part, &Nothing {}));
    or_offline(ctx, asked, |pools| pools.id_table(&range))
}

fn on_pool(ctx: &Ctx) -> OnPool {
    OnPool {
        pool: ctx.pool().cloned(),
    }
}

/// What the daemon answers about the entity on the pool that `what` names, or on the first pool that
/// has one of that name.
fn find<G, F, N>(ctx: &mut Ctx, what: &Ref<N>) -> Result<G::Answer, Failure>
where
    G: Endpoint<Path = EntityPart<N>, Query = Nothing>,
    F: Endpoint<Path = NamePart<N>, Query = Nothing, Answer = G::Answer>,
    N: Clone,
{
    let name = what.name.clone();
    match what.pool.clone() {
        Some(pool) => ctx.client.ask::<G>(&EntityPart { pool, name }, &Nothing {}),
        None => ctx.client.ask::<F>(&NamePart { name }, &Nothing {}),
    }
}

/// What the daemon answers; if it does not run, what the pools themselves say.
fn or_offline<T>(
    ctx: &mut Ctx,
    answer: Result<T, Failure>,
    read: impl FnOnce(&Offline) -> Result<T, Failure>,
) -> Read<T> {
    match answer {
        Err(failure) if failure.code == Code::NoDaemon => Ok(read(&*offline(ctx)?)?),
        answer => Ok(answer?),
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
