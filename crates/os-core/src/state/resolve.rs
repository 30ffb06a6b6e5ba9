//! Which users are disabled because another owner has their ids.
//!
//! Pools travel: a pool made on another host may bring users whose ids are taken here. The user that
//! came first keeps them. That is the user whose ids this host remembers; among users that it has
//! never seen, pools in the order of import, users by name. So neither a restart nor another order
//! of imports takes the ids from a user that has containers running. The ids of an exported pool
//! stay reserved for its users.

use std::collections::BTreeMap;

use os_api::event::EntityChange;
use os_types::{Code, Failure, IdMap, IdSpan, PoolName, UserName};

use super::{Changed, Disabled, PoolState, State, remember};
use crate::accounts::system_user;
use crate::claim::{Holder, Space, Spans};
use crate::document::UserDoc;

/// The host ids that were accepted so far: disjoint runs by their first id, and whose they are.
#[derive(Default)]
struct Accepted<'a> {
    runs: BTreeMap<u32, (IdSpan, (&'a PoolName, &'a UserName))>,
}

impl<'a> Accepted<'a> {
    /// The owner of an id of the map; the runs are disjoint, so only the one before its end can.
    fn owner(&self, map: &IdMap) -> Option<(IdSpan, (&'a PoolName, &'a UserName))> {
        map.host_spans().find_map(|span| {
            let (_, (run, owner)) = self.runs.range(..=span.last()).next_back()?;
            run.overlaps(span).then_some((*run, *owner))
        })
    }

    /// Adds a map none of whose ids are accepted yet.
    fn add(&mut self, map: &IdMap, owner: (&'a PoolName, &'a UserName)) {
        let runs = map.host_spans().map(|span| (span.first(), (span, owner)));
        self.runs.extend(runs);
    }
}

/// The users that cannot be used, with the reason.
///
/// O(n log n) in the number of map entries: each is looked up once and added once.
pub(super) fn resolve(state: &State) -> Disabled {
    let (pools, remembered) = (&state.pools, &state.remembered);
    let outside = state.foreign.spans();
    let (mut uids, mut gids) = (Accepted::default(), Accepted::default());
    let mut disabled = Disabled::new();
    let users = pools.iter().flat_map(|pool| {
        let users = pool.users().iter();
        users.filter_map(|(name, entry)| Some((pool.name(), name, entry.doc()?)))
    });
    reserve(state, (&mut uids, &mut gids));
    let (known, new): (Vec<_>, Vec<_>) =
        users.partition(|(pool, name, doc)| remember::knows(remembered, pool, name, doc));
    for (pool, name, doc) in known.into_iter().chain(new) {
        let refused = refusal(pool, name, doc, &outside)
            .or_else(|| taken("user", uids.owner(&doc.uid_map)))
            .or_else(|| taken("group", gids.owner(doc.gid_map())));
        if let Some(reason) = refused {
            let failure = Failure::new(Code::Overlap, reason)
                .about(name.entity(pool))
                .next(format!("osctl user show {pool}:{name}"));
            let of_pool = disabled.entry(pool.clone()).or_default();
            of_pool.insert(name.clone(), failure);
            continue;
        }
        uids.add(&doc.uid_map, (pool, name));
        gids.add(doc.gid_map(), (pool, name));
    }
    disabled
}

/// Accepts the ids of users that an operation creates or deletes, and what is remembered of users that
/// cannot be read now: their pool is not imported, or their file is damaged.
fn reserve<'a>(state: &'a State, (uids, gids): (&mut Accepted<'a>, &mut Accepted<'a>)) {
    let reserved = state.reserved().map(|of_pool| (of_pool, true));
    let remembered = state.remembered.pools.iter();
    let remembered = remembered.map(|of_pool| (of_pool, false));
    for ((name, ids), is_new) in reserved.chain(remembered) {
        let pool = state.pool(name);
        for (user, ids) in &ids.users {
            let is_away = match pool.map(|pool| pool.users().get(user)) {
                None => true,
                Some(None) => is_new,
                Some(Some(entry)) => entry.doc().is_none(),
            };
            // The file may have been edited; then the first keeps them here, too.
            let is_free = uids.owner(&ids.uid_map).is_none() && gids.owner(ids.gid_map()).is_none();
            if is_away && is_free {
                uids.add(&ids.uid_map, (name, user));
                gids.add(ids.gid_map(), (name, user));
            }
        }
    }
}

fn taken(kind: &str, owner: Option<(IdSpan, (&PoolName, &UserName))>) -> Option<String> {
    let (span, (pool, name)) = owner?;
    Some(format!("{kind} ids {span} belong to user {pool}:{name}"))
}

/// Why the host itself does not let the user be.
fn refusal(
    pool: &PoolName,
    name: &UserName,
    doc: &UserDoc,
    outside: &[Spans; 2],
) -> Option<String> {
    let system_user = system_user(pool, name);
    let [uids, gids] = outside;
    // Its own lines, should they have lost the marks around them, are no reason.
    let own = |holder: &Holder| matches!(holder, Holder::Foreign(f) if f.account == system_user);
    [
        (Space::Uid, uids, &doc.uid_map),
        (Space::Gid, gids, doc.gid_map()),
    ]
    .into_iter()
    .find_map(|(space, spans, map)| {
        let mut maps = map.host_spans();
        let claim = maps.find_map(|span| spans.first(span, &own))?;
        Some(format!(
            "{space} ids {} belong to {}",
            claim.span, claim.holder
        ))
    })
}

/// The users on these pools whose state differs.
pub(super) fn difference(before: &Disabled, after: &Disabled, pools: &[PoolState]) -> Vec<Changed> {
    let mut changed = Vec::new();
    for pool in pools {
        let was = before.get(pool.name());
        let is = after.get(pool.name());
        for name in pool.users().keys() {
            let of = |users: Option<&BTreeMap<UserName, Failure>>| {
                users.and_then(|users| users.get(name)).cloned()
            };
            if of(was) != of(is) {
                changed.push(Changed {
                    entity: name.entity(pool.name()),
                    change: EntityChange::Changed,
                });
            }
        }
    }
    changed
}
