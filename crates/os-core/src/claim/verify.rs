//! The result of a plan gives nobody ids that somebody else has.
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
}

/// Whether a plan may give ids to somebody, so that [`verify`] has to look at it. Costs nothing.
pub fn gives_ids(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| match step {
        Step::File(FileStep { path, after, .. }) => {
            let relative = path.relative();
            let holds_ids = ["conf/user/", "conf/id-range/"];
            after.is_some() && holds_ids.iter().any(|folder| relative.starts_with(folder))
        }
        Step::IdBlocks(IdBlocksStep { to, .. }) | Step::SystemUser(SystemUserStep { to, .. }) => {
            *to == Presence::Present
        }
        _ => false,
    })
}

/// Refuses a plan whose result gives ids to an owner while another one has them, or while another
/// operation has reserved them. Returns the ids that it gives, for [`State::reserve`].
///
/// *Shape*: looks at what the plan changes, not at what is there already: two users whose ids
/// overlap since their pools were imported hinder no other plan.
///
/// # Errors
/// `Code::Overlap`, which names both owners.
pub fn verify(plan: &Plan, state: &State, facts: &Facts) -> Result<RememberedIds, Failure> {
    let changes = Changes::of(plan, state);
    if changes.users.is_empty() && changes.blocks.is_empty() {
        return Ok(RememberedIds::default());
    }
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
    Ok(changes.given())
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

/// Whether a user is itself this holder, or lies in the block that this holder is.
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

/// Whether blocks are themselves this holder, or the user of this holder lies in them.
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
            Step::File(FileStep { path, after, .. }) => {
                let (pool, after) = (path.pool(), after.as_deref());
                match layout::entity_of(pool, path.relative()) {
                    Some(EntityRef::User { pool, name }) => self.user(pool, name, after, state),
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

    fn user(&mut self, pool: PoolName, name: UserName, after: Option<&str>, state: &State) {
        let found = state.find(Some(&pool), &name).ok();
        let before = found.as_ref().and_then(|found| found.entry.doc());
        let after = after.and_then(|text| document::parse::<UserDoc>(text).ok());
        let Some(after) = after else {
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
            (Presence::Absent, _) => self.given_up.push(Holder::Allocation {
                pool: pool.clone(),
                range: range.clone(),
                index: step.index,
                owner: blocks.owner,
            }),
            (Presence::Present, Ok(span)) if !doc.table.allocations().contains(&blocks) => {
                let (pool, range) = (pool.clone(), range.clone());
                self.blocks.push((pool, range, blocks, span));
            }
            // The step itself says what is wrong with the blocks.
            _ => {}
        }
    }

    /// What the plan gives away.
    fn given(self) -> RememberedIds {
        let mut given = RememberedIds::default();
        for (pool, name, doc) in self.users {
            let ids = UserIds::new(&doc.uid_map, doc.gid_map());
            let pool = given.pools.entry(pool).or_default();
            pool.users.insert(name, ids);
        }
        for (pool, _, blocks, span) in self.blocks {
            let ids = AllocatedIds::new(span, blocks.owner);
            given.pools.entry(pool).or_default().allocations.push(ids);
        }
        given
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
