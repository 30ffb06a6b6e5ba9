//! The result of a plan assigns no ids that have another owner. Ids that a plan frees are not assigned
//! before the operation has ended, because a rollback may need them.
//!
//! A planner of a command chooses free ids, but a plan also comes about by undo, from the journal
//! of an operation that a crash cut off, and from a command that was planned before the world
//! changed. So every plan passes here before its first step, whichever way it came about.

use os_store::document;
use os_types::id_table::Allocation;
use os_types::step::{FileStep, IdBlocksStep, SystemUserStep};
use os_types::{
    Code, ContainerName, EntityRef, Explain, Failure, IdMap, IdRangeName, IdSpan, Plan, PoolName,
    Presence, Step, UserName,
};

use super::{Claim, Claims, Holder, Space};
use crate::document::{AllocatedIds, IdRangeDoc, RememberedIds, UserBlock, UserDoc, UserIds};
use crate::facts::{Facts, RunningIds};
use crate::layout;
use crate::state::State;

/// Two owners would have the same ids.
#[derive(Debug, thiserror::Error)]
#[error("{owner} would have {space} ids {}, which belong to {}", claim.span, claim.holder)]
struct Shared {
    owner: EntityRef,
    space: Space,
    claim: Claim,
}

impl Explain for Shared {
    fn code(&self) -> Code {
        Code::Overlap
    }

    fn object(&self) -> Option<String> {
        Some(self.owner.to_string())
    }

    fn next(&self) -> Option<String> {
        self.claim.holder.next()
    }
}

/// What a plan does to the ids of one owner.
#[derive(Debug, Default)]
struct Changes {
    /// Users that get maps which they do not have now.
    users: Vec<(PoolName, UserName, UserDoc)>,
    /// Blocks that are allocated and are not now.
    blocks: Vec<(PoolName, IdRangeName, Allocation, IdSpan)>,
    /// What these hold now does not count: it is given up by the plan.
    given_up: Vec<Holder>,
    /// Users that are deleted. They come back to their ids if the operation does not succeed.
    freed_users: Vec<(PoolName, UserName, UserIds)>,
    /// Blocks that are freed, as ids.
    freed_blocks: Vec<(PoolName, AllocatedIds)>,
}

/// Whether a plan may give ids to somebody or take them away, so that [`verify`] has to look at it.
/// Costs nothing.
pub fn changes_ids(plan: &Plan) -> bool {
    plan.steps
        .iter()
        .any(|step| presence_of_ids(step).is_some())
}

/// Whether a plan may give ids to somebody. Costs nothing.
pub fn gives_ids(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| presence_of_ids(step) == Some(Presence::Present))
}

fn presence_of_ids(step: &Step) -> Option<Presence> {
    match step {
        Step::File(FileStep { path, after, .. }) => {
            let mut folders = ["conf/user/", "conf/id-range/"].into_iter();
            let holds_ids = folders.any(|folder| path.relative().starts_with(folder));
            holds_ids.then_some(match after {
                Some(_) => Presence::Present,
                None => Presence::Absent,
            })
        }
        Step::IdBlocks(IdBlocksStep { to, .. }) => Some(*to),
        // The ids of a user that is not registered any more are still in its file.
        Step::SystemUser(SystemUserStep { to, .. }) => {
            Some(*to).filter(|to| *to == Presence::Present)
        }
        _ => None,
    }
}

/// Refuses a plan whose result gives ids to an owner while another one has them, or while another
/// operation has reserved them. Returns the ids that it gives and those that it takes away, for
/// [`State::reserve`].
///
/// *Shape*: looks at what the plan changes, not at what is there already: two users whose ids
/// overlap since their pools were imported prevent no other plan.
///
/// # Errors
/// `Code::Overlap`, which names both owners.
pub fn verify(plan: &Plan, state: &State, facts: &Facts) -> Result<RememberedIds, Failure> {
    let mut changes = Changes::of(plan, state);
    let claims = Claims::of(state, facts);
    for (pool, name, doc) in &changes.users {
        let account = facts.account(pool, name).map(|account| &account.name);
        let own = |holder: &Holder| {
            changes.given_up.contains(holder)
                || is_of_user(holder, (pool, name), doc.block.as_ref())
                || matches!(holder, Holder::Account(of) if Some(of) == account)
        };
        let owner = name.entity(pool);
        let maps = [(Space::Uid, &doc.uid_map), (Space::Gid, doc.gid_map())];
        for (space, map) in maps {
            let taken = claims.of_map(space, map, &own).cloned();
            refuse(
                &owner,
                space,
                taken.or_else(|| changes.among_users(space, map, &owner)),
            )?;
        }
    }
    for (pool, range, blocks, span) in &changes.blocks {
        let own = |holder: &Holder| {
            changes.given_up.contains(holder) || is_of_block(holder, (pool, range), blocks, state)
        };
        let owner = range.entity(pool);
        for space in [Space::Uid, Space::Gid] {
            refuse(&owner, space, claims.first(space, *span, &own).cloned())?;
        }
    }
    // One that is disabled does not have the ids that its file says.
    let mut freed = std::mem::take(&mut changes.freed_users);
    freed.retain(|(pool, name, ids)| {
        let own = |holder: &Holder| {
            is_of_user(holder, (pool, name), None)
                || matches!(holder, Holder::Allocation { .. } | Holder::Account(_))
        };
        let maps = [(Space::Uid, &ids.uid_map), (Space::Gid, ids.gid_map())];
        maps.into_iter().all(|(space, map)| {
            let other = changes.among_users(space, map, &name.entity(pool));
            claims.of_map(space, map, &own).is_none() && other.is_none()
        })
    });
    changes.freed_users = freed;
    Ok(changes.reserved())
}

/// Refuses the start of a container while another user's container runs with some of its ids.
///
/// # Errors
/// `Code::Overlap`, which names both owners.
pub fn check_start(
    (pool, container, user): (&PoolName, &ContainerName, &UserName),
    (uid_map, gid_map): (&IdMap, &IdMap),
    running: &[RunningIds],
) -> Result<(), Failure> {
    let owner = container.entity(pool);
    let others = running.iter();
    for other in others.filter(|other| (&other.pool, &other.user) != (pool, user)) {
        for (space, map, theirs) in [
            (Space::Uid, uid_map, &other.uids),
            (Space::Gid, gid_map, &other.gids),
        ] {
            let mut ours = map.host_spans();
            let shared = ours.find_map(|span| theirs.iter().find(|other| other.overlaps(span)));
            let claim = shared.map(|span| Claim::new(*span, other.holder()));
            refuse(&owner, space, claim)?;
        }
    }
    Ok(())
}

fn refuse(owner: &EntityRef, space: Space, claim: Option<Claim>) -> Result<(), Failure> {
    claim.map_or(Ok(()), |claim| {
        Err(Failure::from(Shared {
            owner: owner.clone(),
            space,
            claim,
        }))
    })
}

/// Whether a user is itself this holder, or is in the block that this holder is.
fn is_of_user(
    holder: &Holder,
    (pool, name): (&PoolName, &UserName),
    block: Option<&UserBlock>,
) -> bool {
    match holder {
        Holder::User {
            pool: of,
            name: user,
        }
        | Holder::Running { pool: of, user, .. } => of == pool && user == name,
        Holder::Remembered { pool: of, user, .. } => of == pool && user.as_ref() == Some(name),
        Holder::Allocation {
            pool: of,
            range,
            index,
            ..
        } => {
            let block = block.filter(|_| of == pool);
            block.is_some_and(|block| block.id_range == *range && block.index == *index)
        }
        _ => false,
    }
}

/// Whether blocks are themselves this holder, or the user of this holder is in them.
fn is_of_block(
    holder: &Holder,
    (pool, range): (&PoolName, &IdRangeName),
    blocks: &Allocation,
    state: &State,
) -> bool {
    match holder {
        Holder::Allocation {
            pool: of,
            range: other,
            index,
            ..
        } => of == pool && other == range && *index == blocks.block_index,
        Holder::User {
            pool: of,
            name: user,
        }
        | Holder::Running { pool: of, user, .. } => {
            let found = state.find(Some(pool), user).ok().filter(|_| of == pool);
            let block = found.and_then(|found| found.entry.doc()?.block.clone());
            block.is_some_and(|block| block.id_range == *range && block.index == blocks.block_index)
        }
        Holder::Remembered { pool: of, .. } => of == pool,
        _ => false,
    }
}

impl Changes {
    fn of(plan: &Plan, state: &State) -> Self {
        let mut changes = Self::default();
        for step in &plan.steps {
            changes.add(step, state);
        }
        changes
    }

    fn add(&mut self, step: &Step, state: &State) {
        match step {
            Step::File(FileStep {
                path,
                before,
                after,
            }) => {
                let (pool, before, after) = (path.pool(), before.as_deref(), after.as_deref());
                match layout::entity_of(pool, path.relative()) {
                    Some(EntityRef::User { pool, name }) => {
                        self.user((pool, name), (before, after), state);
                    }
                    Some(EntityRef::IdRange { pool, name }) => {
                        self.range((&pool, &name), after, state);
                    }
                    _ => {}
                }
            }
            Step::IdBlocks(step) => self.id_blocks(step, state),
            Step::SystemUser(SystemUserStep {
                pool,
                user,
                to: Presence::Present,
            }) => {
                let found = state.find(Some(pool), user).ok();
                let doc = found.and_then(|found| found.entry.doc());
                self.users
                    .extend(doc.map(|doc| (pool.clone(), user.clone(), doc.clone())));
            }
            _ => {}
        }
    }

    fn user(
        &mut self,
        (pool, name): (PoolName, UserName),
        (text, after): (Option<&str>, Option<&str>),
        state: &State,
    ) {
        let found = state.find(Some(&pool), &name).ok();
        let before = found.as_ref().and_then(|found| found.entry.doc());
        let after = after.and_then(|text| document::parse::<UserDoc>(text).ok());
        let Some(after) = after else {
            // Recovery may find it gone already.
            let before = || document::parse::<UserDoc>(text?).ok();
            let ids = found.and_then(|found| found.entry.ids());
            let ids = ids.or_else(|| before().map(|doc| UserIds::new(&doc.uid_map, doc.gid_map())));
            let freed = ids.map(|ids| (pool.clone(), name.clone(), ids));
            self.freed_users.extend(freed);
            self.given_up.push(Holder::User { pool, name });
            return;
        };
        let maps = |doc: &UserDoc| (doc.uid_map.clone(), doc.gid_map().clone());
        if before.map(maps) != Some(maps(&after)) {
            self.users.push((pool, name, after));
        }
    }

    fn range(
        &mut self,
        (pool, range): (&PoolName, &IdRangeName),
        after: Option<&str>,
        state: &State,
    ) {
        let found = state.find(Some(pool), range).ok();
        let before = found.as_ref().and_then(|found| found.entry.doc());
        let before = before.map_or(&[][..], |doc| doc.table.allocations());
        let after = after.and_then(|text| document::parse::<IdRangeDoc>(text).ok());
        let Some(after) = after else { return };
        for blocks in after.table.allocations() {
            let span = after.table.span(blocks.block_index, blocks.block_count);
            if let Some(span) = span.ok().filter(|_| !before.contains(blocks)) {
                let blocks = blocks.clone();
                self.blocks
                    .push((pool.clone(), range.clone(), blocks, span));
            }
        }
    }

    fn id_blocks(&mut self, step: &IdBlocksStep, state: &State) {
        let IdBlocksStep { pool, range, .. } = step;
        let found = state.find(Some(pool), range).ok();
        let Some(doc) = found.as_ref().and_then(|found| found.entry.doc()) else {
            return;
        };
        let blocks = step.allocation();
        match (step.to, doc.table.span(step.index, step.count)) {
            (Presence::Absent, span) => {
                let freed = span
                    .ok()
                    .map(|span| AllocatedIds::new(span, blocks.owner.clone()));
                self.freed_blocks
                    .extend(freed.map(|blocks| (pool.clone(), blocks)));
                self.given_up.push(Holder::Allocation {
                    pool: pool.clone(),
                    range: range.clone(),
                    index: step.index,
                    owner: blocks.owner,
                });
            }
            (Presence::Present, Ok(span)) if !doc.table.allocations().contains(&blocks) => {
                let (pool, range) = (pool.clone(), range.clone());
                self.blocks.push((pool, range, blocks, span));
            }
            // The step itself says what is wrong with the blocks.
            _ => {}
        }
    }

    /// The ids that are reserved until the operation has ended: those it assigns and those it frees.
    fn reserved(self) -> RememberedIds {
        let mut reserved = RememberedIds::default();
        let given = self.users.into_iter().map(|(pool, name, doc)| {
            let ids = UserIds::new(&doc.uid_map, doc.gid_map());
            (pool, name, ids)
        });
        for (pool, name, ids) in self.freed_users.into_iter().chain(given) {
            let pool = reserved.pools.entry(pool).or_default();
            pool.users.insert(name, ids);
        }
        let given = self.blocks.into_iter();
        let given =
            given.map(|(pool, _, blocks, span)| (pool, AllocatedIds::new(span, blocks.owner)));
        for (pool, ids) in self.freed_blocks.into_iter().chain(given) {
            reserved
                .pools
                .entry(pool)
                .or_default()
                .allocations
                .push(ids);
        }
        reserved
    }

    /// Another user that the same plan gives ids of the map.
    fn among_users(&self, space: Space, map: &IdMap, owner: &EntityRef) -> Option<Claim> {
        self.users.iter().find_map(|(pool, name, doc)| {
            let holder = Holder::User {
                pool: pool.clone(),
                name: name.clone(),
            };
            let is_self = *owner == name.entity(pool);
            let theirs = match space {
                Space::Uid => &doc.uid_map,
                Space::Gid => doc.gid_map(),
            };
            let (_, span) = map.overlap(theirs).filter(|_| !is_self)?;
            Some(Claim::new(span, holder))
        })
    }
}
