//! Assets: what every entity expects to exist, and whether the host agrees.
//!
//! [`query`] is all that `assets` and `healthcheck` need: it lists what is expected ([`Expected`],
//! pure data) and looks at each through a [`Probe`].

mod container;
mod expected;
mod group;
mod host;
mod id_range;
mod pool;
pub mod probe;
#[cfg(test)]
mod tests;
mod user;
mod verify;

pub use expected::{Expected, FileKind, Want};
use os_api::endpoint::{AssetsOf, AssetsQuery};
use os_api::view::{Asset, AssetState};
use os_types::{Code, EntityRef, Failure};
pub use probe::{Probe, Stat};
pub use verify::verify;

use crate::facts::Facts;
use crate::state::State;

/// What the host and everything on the imported pools expects, of the entities that are `wanted`:
/// the host first, then by pool in the order of import, and there the pool, its id ranges, users,
/// groups and containers.
fn select(state: &State, facts: &Facts, wanted: impl Fn(&EntityRef) -> bool) -> Vec<Expected> {
    let mut all = Vec::new();
    if wanted(&EntityRef::Host) {
        all.extend(host::expected(facts));
    }
    for pool in state.pools() {
        let on = pool.name();
        if wanted(&EntityRef::Pool { pool: on.clone() }) {
            all.extend(pool::expected(pool, facts));
        }
        for name in pool.id_ranges().keys() {
            let entity = name.entity(on);
            if wanted(&entity) {
                all.extend(id_range::expected(pool, name, &entity));
            }
        }
        for name in pool.users().keys() {
            let entity = name.entity(on);
            if wanted(&entity) {
                all.extend(user::expected(state, facts, pool, name, &entity));
            }
        }
        for name in pool.groups().keys() {
            let entity = name.entity(on);
            if wanted(&entity) {
                all.extend(group::expected(facts, pool, name, &entity));
            }
        }
        for name in pool.containers().keys() {
            let entity = name.entity(on);
            if wanted(&entity) {
                all.extend(container::expected(facts, pool, name, &entity));
            }
        }
    }
    all
}

/// The assets that a query asks for, looked at.
///
/// *Shape*: a name is `name` or `pool:name`; the host comes first, then each pool in the order of import
/// with its id ranges, users, groups and containers.
///
/// # Errors
/// When the query names a pool or an entity that is not there.
pub fn query(
    state: &State,
    facts: &Facts,
    query: &AssetsQuery,
    probe: &dyn Probe,
) -> Result<Vec<Asset>, Failure> {
    if let Some(pool) = &query.pool {
        let found = state.pool_or_default(Some(pool));
        found?;
    }
    let expected = select(state, facts, |entity| {
        query.kind.is_none_or(|kind| kind == kind_of(entity))
            && query
                .pool
                .as_ref()
                .is_none_or(|pool| entity.pool() == Some(pool))
            && query
                .name
                .as_ref()
                .is_none_or(|name| is_called(entity, name))
    });
    if let (Some(name), true) = (&query.name, expected.is_empty()) {
        let text = format!("nothing that is called {name} has assets");
        return Err(Failure::new(Code::NotFound, text).next("osctl assets"));
    }
    let mut assets = verify(&expected, probe);
    if query.invalid {
        assets.retain(|asset| asset.state != AssetState::Valid);
    }
    Ok(assets)
}

fn kind_of(entity: &EntityRef) -> AssetsOf {
    match entity {
        EntityRef::Host => AssetsOf::Host,
        EntityRef::Pool { .. } => AssetsOf::Pool,
        EntityRef::IdRange { .. } => AssetsOf::IdRange,
        EntityRef::User { .. } => AssetsOf::User,
        EntityRef::Group { .. } => AssetsOf::Group,
        EntityRef::Image { .. } | EntityRef::Container { .. } => AssetsOf::Container,
    }
}

fn is_called(entity: &EntityRef, wanted: &str) -> bool {
    let name = match entity {
        EntityRef::Host => return false,
        EntityRef::Pool { pool } => return pool.as_str() == wanted,
        EntityRef::IdRange { name, .. } => name.as_str(),
        EntityRef::User { name, .. } => name.as_str(),
        EntityRef::Group { name, .. } => name.as_str(),
        EntityRef::Image { digest, .. } => digest.as_str(),
        EntityRef::Container { name, .. } => name.as_str(),
    };
    match wanted.split_once(':') {
        None => name == wanted,
        Some((pool, wanted)) => {
            name == wanted && entity.pool().is_some_and(|of| of.as_str() == pool)
        }
    }
}
