//! A pool as the API shows it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use os_api::view::{Health, Pool, PoolSource, PoolState as Activity};
use os_types::{ByteSize, PoolName};

use crate::facts::KnownSource;
use crate::state::{Entry, PartOf, PoolState, State};

/// What only the host knows of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolFigures {
    /// Where it comes from.
    pub source: Option<PathBuf>,
    /// Its size.
    pub size: Option<ByteSize>,
    /// What is used of it.
    pub used: Option<ByteSize>,
    /// What can still be written.
    pub available: Option<ByteSize>,
}

/// A pool in the given activity.
pub fn pool(state: &State, pool: &PoolState, activity: Activity, figures: PoolFigures) -> Pool {
    let settings = pool.settings();
    let own = pool.config().and_then(Entry::failure);
    let name = pool.name();
    let users = pool.users().keys();
    let overlapping = users.filter_map(|user| state.disabled(name, user));
    let disabled: Vec<_> = pool.failures().chain(overlapping).collect();
    let failure = disabled.first().copied();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Pool {
        name: name.clone(),
        dataset: pool.dataset().clone(),
        state: activity,
        users: count(pool.users().len()),
        groups: count(pool.groups().len()),
        containers: u32::try_from(pool.containers().len()).unwrap_or(u32::MAX),
        parallel_start: settings.parallel_start(),
        parallel_stop: settings.parallel_stop(),
        mountpoint: pool.folder().to_owned(),
        source: figures.source,
        size_bytes: figures.size,
        used_bytes: figures.used,
        available_bytes: figures.available,
        disabled: count(disabled.len()),
        prlimits: pool.effective(PartOf::Pool),
        health: match own {
            None if failure.is_some() => Health::Degraded,
            own => Health::of(own),
        },
        failure: failure.cloned(),
        attrs: settings.attrs,
    }
}

/// The host user ids that are remembered for the users of a pool.
fn ids(state: &State, pool: &PoolName) -> Vec<String> {
    let known = state.remembered().pools.get(pool);
    let users = known.into_iter().flat_map(|known| known.users.values());
    let spans = users.flat_map(|ids| ids.uid_map.host_spans());
    spans.map(|span| span.to_string()).collect()
}

/// The pools this host knows, by name.
pub fn sources(state: &State, sources: &BTreeMap<PoolName, KnownSource>) -> Vec<PoolSource> {
    let source = |(pool, known): (&PoolName, &KnownSource)| PoolSource {
        pool: pool.clone(),
        source: known.path.clone(),
        kind: known.kind,
        imported: state.pool(pool).is_some(),
        ids: ids(state, pool),
    };
    sources.iter().map(source).collect()
}
