//! The state as the API shows it; used by the daemon, and by the command line without one.
//!
//! *Shape*: lists are by pool and name. Figures that only the kernel or the storage knows are left
//! empty and filled in by the caller.

mod container;
mod group;
mod id_range;
mod pool;
mod user;

pub use container::{Extent, container};
pub use group::group;
pub use id_range::{id_range, segments};
use std::collections::BTreeMap;

use os_api::view::{Container, Group, IdRange, User};
use os_types::{ContainerRef, PoolName};
pub use pool::{PoolFigures, pool, sources};
pub use user::user;

use crate::facts::{Running, ViewFacts};
use crate::state::{EntityName, LookupError, PoolState, State};

/// The pool named, or all by name.
fn select<'a>(
    state: &'a State,
    pool: Option<&PoolName>,
) -> Result<Vec<&'a PoolState>, LookupError> {
    if pool.is_some() {
        return Ok(vec![state.pool_or_default(pool)?]);
    }
    let mut pools: Vec<&PoolState> = state.pools().iter().collect();
    pools.sort_by_key(|pool| pool.name());
    Ok(pools)
}

/// What `view` makes of the entities of one kind, all or those of a pool.
fn list<N: EntityName, V>(
    state: &State,
    pool: Option<&PoolName>,
    view: impl Fn(&PoolState, &N) -> Option<V>,
) -> Result<Vec<V>, LookupError> {
    let entities = select(state, pool)?
        .into_iter()
        .flat_map(|pool| N::table(pool).keys().map(move |name| (pool, name)));
    Ok(entities
        .filter_map(|(pool, name)| view(pool, name))
        .collect())
}

/// All users, or those of a pool.
///
/// # Errors
/// When that pool is not imported.
pub fn users(
    state: &State,
    facts: &ViewFacts,
    pool: Option<&PoolName>,
) -> Result<Vec<User>, LookupError> {
    list(state, pool, |pool, name| user(state, facts, pool, name))
}

/// All groups, or those of a pool.
///
/// # Errors
/// When that pool is not imported.
pub fn groups(
    state: &State,
    facts: &ViewFacts,
    pool: Option<&PoolName>,
) -> Result<Vec<Group>, LookupError> {
    list(state, pool, |pool, name| group(facts, pool, name))
}

/// All containers, or those of a pool; `running` has those that are not stopped.
///
/// # Errors
/// When that pool is not imported.
pub fn containers(
    state: &State,
    facts: &ViewFacts,
    pool: Option<&PoolName>,
    running: &BTreeMap<ContainerRef, Running>,
    extent: Extent,
) -> Result<Vec<Container>, LookupError> {
    list(state, pool, |pool, name| {
        let running = running.get(&ContainerRef::new(pool.name(), name));
        container(state, facts, pool, name, running, extent)
    })
}

/// All id ranges, or those of a pool.
///
/// # Errors
/// When that pool is not imported.
pub fn id_ranges(state: &State, pool: Option<&PoolName>) -> Result<Vec<IdRange>, LookupError> {
    list(state, pool, id_range)
}

#[cfg(test)]
mod tests;
