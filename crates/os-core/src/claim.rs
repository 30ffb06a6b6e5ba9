//! Owners of host ids: users, allocations, accounts, the host itself.
//!
//! Every id that is assigned is checked against all claims, wherever the choice comes from,
//! so that no two tenants ever share one. User ids and group ids are two spaces.

mod holder;
mod salvage;
mod spans;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeSet;

pub use holder::{Holder, Space};
use os_types::{IdMap, IdSpan, PoolName, UserName};
pub use spans::{Claim, Spans};
pub use verify::{changes_ids, check_start, gives_ids, verify};

use crate::document::PoolIds;
use crate::facts::Facts;
use crate::state::{PoolState, State};

/// Whether the file of a user that cannot be read shows ids, which are claimed for it.
pub(crate) fn shows_ids(text: &str) -> bool {
    salvage::spans(text).next().is_some()
}

/// All claims on host ids, as they are now.
#[derive(Debug, Clone)]
pub struct Claims {
    uids: Spans,
    gids: Spans,
}

impl Claims {
    /// Every claim there is.
    ///
    /// *Shape*: the maps of all users whose files can be read, disabled ones too; whatever looks
    /// like a map entry in the files of the others; the allocations of all id ranges; the ids of
    /// our system users; accounts that were kept when their pool was exported; what is remembered
    /// of pools that are not imported; what operations on their way have reserved; what runs; what
    /// the host has; and reserved ids that may not be assigned.
    pub fn of(state: &State, facts: &Facts) -> Self {
        let [foreign_uids, foreign_gids] = facts.foreign.spans();
        let mut both = Vec::new();
        let (mut uids, mut gids) = (foreign_uids.into_claims(), foreign_gids.into_claims());
        let mut here = BTreeSet::new();
        for pool in state.pools() {
            allocations(state, pool, &mut both);
            for (name, entry) in pool.users() {
                here.insert(facts.home(pool.name(), name));
                let holder = || Holder::User {
                    pool: pool.name().clone(),
                    name: name.clone(),
                };
                let claim = |span| Claim::new(span, holder());
                if let Some(doc) = entry.doc() {
                    uids.extend(doc.uid_map.host_spans().map(claim));
                    gids.extend(doc.gid_map().host_spans().map(claim));
                } else {
                    let text = entry.text().unwrap_or_default();
                    both.extend(salvage::spans(text).map(claim));
                    let known = known(state, pool.name()).and_then(|ids| ids.users.get(name));
                    if let Some(ids) = known {
                        uids.extend(ids.uid_map.host_spans().map(claim));
                        gids.extend(ids.gid_map().host_spans().map(claim));
                    }
                }
            }
        }
        for account in facts.accounts.iter() {
            let claim = |span| Claim::new(span, Holder::Account(account.name.clone()));
            both.extend(IdSpan::new(account.ugid, 1).map(claim));
            if !here.contains(&account.home) {
                uids.extend(account.uids.iter().copied().map(claim));
                gids.extend(account.gids.iter().copied().map(claim));
            }
        }
        for running in &facts.running_ids {
            let claim = |span| Claim::new(span, running.holder());
            uids.extend(running.uids.iter().copied().map(claim));
            gids.extend(running.gids.iter().copied().map(claim));
        }
        for (pool, ids) in &state.remembered().pools {
            if state.pool(pool).is_none() {
                let holder = |user: Option<&UserName>, owner: Option<&String>| Holder::Remembered {
                    pool: pool.clone(),
                    user: user.cloned(),
                    owner: owner.cloned(),
                };
                of_pool(ids, holder, (&mut uids, &mut gids), &mut both);
            }
        }
        for (pool, ids) in state.reserved() {
            let holder = |user: Option<&UserName>, owner: Option<&String>| {
                // A block that is allocated for a user is named after the user.
                let for_user = owner.and_then(|owner| owner.strip_prefix("user:")?.parse().ok());
                Holder::Pending {
                    pool: pool.clone(),
                    user: user.cloned().or(for_user),
                    owner: owner.cloned(),
                }
            };
            of_pool(ids, holder, (&mut uids, &mut gids), &mut both);
        }
        uids.extend(both.iter().cloned());
        gids.extend(both);
        Self {
            uids: Spans::new(uids),
            gids: Spans::new(gids),
        }
    }

    /// The first other claim of an id of the span; `own` returns which claims are no obstacle.
    pub fn first(
        &self,
        space: Space,
        span: IdSpan,
        own: &dyn Fn(&Holder) -> bool,
    ) -> Option<&Claim> {
        match space {
            Space::Uid => self.uids.first(span, own),
            Space::Gid => self.gids.first(span, own),
        }
    }

    /// The first other claim of a host id of the map.
    pub fn of_map(
        &self,
        space: Space,
        map: &IdMap,
        own: &dyn Fn(&Holder) -> bool,
    ) -> Option<&Claim> {
        let mut spans = map.host_spans();
        spans.find_map(|span| self.first(space, span, own))
    }

    /// The first other claim of an id of the span as user id or as group id.
    pub fn either(&self, span: IdSpan, own: &dyn Fn(&Holder) -> bool) -> Option<&Claim> {
        self.first(Space::Uid, span, own)
            .or_else(|| self.first(Space::Gid, span, own))
    }

    /// Whether no id of the span is claimed; otherwise the id at which to continue the search.
    ///
    /// *Shape*: as [`os_types::IdTable::find_free`] asks.
    pub fn is_free(&self, span: IdSpan) -> Result<(), u32> {
        match self.uids.reach(span).max(self.gids.reach(span)) {
            None => Ok(()),
            Some(last) => Err(last.saturating_add(1)),
        }
    }
}

/// The ids of a pool in a table of ids; `holder` makes a holder from the user or the owner of blocks.
fn of_pool(
    ids: &PoolIds,
    holder: impl Fn(Option<&UserName>, Option<&String>) -> Holder,
    (uids, gids): (&mut Vec<Claim>, &mut Vec<Claim>),
    both: &mut Vec<Claim>,
) {
    for (user, ids) in &ids.users {
        let claim = |span| Claim::new(span, holder(Some(user), None));
        uids.extend(ids.uid_map.host_spans().map(claim));
        gids.extend(ids.gid_map().host_spans().map(claim));
    }
    both.extend(ids.allocations.iter().filter_map(|blocks| {
        let holder = holder(None, blocks.owner.as_ref());
        Some(Claim::new(blocks.span()?, holder))
    }));
}

fn known<'a>(state: &'a State, pool: &PoolName) -> Option<&'a PoolIds> {
    state.remembered().pools.get(pool)
}

/// Of ranges that cannot be read also what this host remembers.
fn allocations(state: &State, pool: &PoolState, claims: &mut Vec<Claim>) {
    if pool.id_ranges().values().any(|range| range.doc().is_none()) {
        let known = known(state, pool.name()).into_iter();
        let known = known.flat_map(|known| &known.allocations);
        claims.extend(known.filter_map(|blocks| {
            let holder = Holder::Remembered {
                pool: pool.name().clone(),
                user: None,
                owner: blocks.owner.clone(),
            };
            Some(Claim::new(blocks.span()?, holder))
        }));
    }
    for (range, entry) in pool.id_ranges() {
        let Some(table) = entry.blocks() else {
            continue;
        };
        for allocation in table.allocations() {
            let span = table.span(allocation.block_index, allocation.block_count);
            let holder = Holder::Allocation {
                pool: pool.name().clone(),
                range: range.clone(),
                index: allocation.block_index,
                owner: allocation.owner.clone(),
            };
            claims.extend(span.ok().map(|span| Claim::new(span, holder)));
        }
    }
}
