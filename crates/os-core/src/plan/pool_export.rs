//! `pool-export`: what is on a pool is unregistered and the pool closed.

use os_api::command::PoolExport;
use os_types::step::{PoolActiveStep, PoolMarkStep, PoolOpenStep};
use os_types::{
    Code, ContainerName, Failure, Parallel, Plan, PoolName, Presence, Step, StopPolicy,
};

use super::container_run::run;
use super::context::{Context, about_pool};
use super::schema;
use crate::facts::Facts;
use crate::state::PoolState;

/// The error for an export of a pool with running containers.
fn in_use(pool: &PoolName, running: &[&ContainerName]) -> Failure {
    const SHOWN: usize = 5;
    let first: Vec<&str> = running
        .iter()
        .take(SHOWN)
        .map(|name| name.as_str())
        .collect();
    let more = match running.len().checked_sub(SHOWN) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    let text = format!("containers of pool {pool} run: {}{more}", first.join(", "));
    Failure::new(Code::InUse, text)
        .about(format!("pool {pool}"))
        .next(format!("osctl pool export --force {pool}"))
}

/// Processes of the host are in the way. This is checked before any container is stopped, because a
/// stop is not undone.
fn held(pool: &PoolName, holders: &[String]) -> Failure {
    let text = format!("pool {pool} is in use by {}", holders.join(", "));
    Failure::new(Code::InUse, text)
        .about(format!("pool {pool}"))
        .next("end these processes, or let them leave the pool")
}

fn running<'a>(pool: &'a PoolState, facts: &Facts) -> Vec<&'a ContainerName> {
    let names = pool.containers().keys();
    let alive = |name: &&ContainerName| facts.container_state(pool.name(), name).is_alive();
    names.filter(alive).collect()
}

/// Refuses a pool with containers that run.
pub(super) fn idle(pool: &PoolState, facts: &Facts) -> Result<(), Failure> {
    match running(pool, facts).as_slice() {
        [] => Ok(()),
        running => Err(in_use(pool.name(), running)),
    }
}

/// The steps that stop what runs on the pool; refused unless that was asked for.
fn stops(body: &PoolExport, pool: &PoolState, context: &Context<'_>) -> Result<Vec<Step>, Failure> {
    if !(body.force && body.stop_containers) {
        idle(pool, context.facts)?;
    }
    let stop = StopPolicy::default();
    let stops = running(pool, context.facts).into_iter();
    Ok(stops
        .map(|name| run(pool.name(), name, &stop, Presence::Absent))
        .collect())
}

pub(super) fn plan(body: &PoolExport, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    if body.if_imported && context.state.pool(pool).is_none() {
        return Ok(about_pool(pool, Vec::new()));
    }
    let found = context.pool(Some(pool))?;
    let to = Presence::Absent;
    let mut steps = stops(body, found, context)?;
    let holders = &context.facts.storage.holders;
    if !holders.is_empty() {
        return Err(held(pool, holders));
    }
    let parallel = Parallel {
        first: 1,
        count: steps.len(),
        width: found.settings().parallel_stop() as usize,
    };
    if let Some(schema) = body.schema {
        steps.extend(schema::rewrite(found, schema)?);
    }
    let active = PoolActiveStep {
        pool: pool.clone(),
        keep_users: !body.unregister_users,
        to,
    };
    steps.extend(active.steps());
    steps.extend([
        Step::PoolMark(PoolMarkStep {
            pool: pool.clone(),
            to,
        }),
        Step::PoolOpen(PoolOpenStep {
            pool: pool.clone(),
            force: false,
            installed: true,
            to,
        }),
    ]);
    let mut plan = about_pool(pool, steps);
    if parallel.count > 0 {
        plan.parallel.push(parallel);
    }
    Ok(plan)
}
