//! `pool-export`: what is on a pool is unregistered and the pool closed.

use os_api::command::PoolExport;
use os_types::step::{PoolActiveStep, PoolMarkStep, PoolOpenStep};
use os_types::{Code, ContainerName, Explain, Failure, Plan, Presence, Step, StopPolicy};

use super::container_run::run;
use super::context::{Context, about_pool, refuse};
use crate::state::PoolState;

#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
struct Running {
    pool: os_types::PoolName,
    names: Vec<String>,
}

impl Running {
    fn text(&self) -> String {
        const SHOWN: usize = 5;
        let Self { pool, names } = self;
        let first: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
        let more = match names.len().checked_sub(SHOWN) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        format!("containers of pool {pool} run: {}{more}", first.join(", "))
    }
}

impl Explain for Running {
    fn code(&self) -> Code {
        Code::InUse
    }

    fn object(&self) -> Option<String> {
        Some(format!("pool {}", self.pool))
    }

    fn next(&self) -> Option<String> {
        Some(format!("osctl pool export --force {}", self.pool))
    }
}

/// The steps that stop what runs on the pool; refused unless that was asked for.
fn stops(body: &PoolExport, pool: &PoolState, context: &Context<'_>) -> Result<Vec<Step>, Failure> {
    let alive = |name: &&ContainerName| {
        let state = context.facts.container_state(pool.name(), name);
        state.is_alive()
    };
    let running: Vec<_> = pool.containers().keys().filter(alive).collect();
    if !(running.is_empty() || body.force && body.stop_containers) {
        return Err(refuse(Running {
            pool: body.pool.clone(),
            names: running.iter().map(ToString::to_string).collect(),
        }));
    }
    let stop = StopPolicy::default();
    let stops = running.into_iter();
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
    steps.extend([
        Step::PoolActive(PoolActiveStep {
            pool: pool.clone(),
            keep_users: !body.unregister_users,
            to,
        }),
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
    Ok(about_pool(pool, steps))
}
