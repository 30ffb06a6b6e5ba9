//! Which ids a new user gets: a block of an id range, maps given by hand, or both.
//!
//! ```text
//!                  no maps                          maps
//!   no block       the first free block             the maps, nothing allocated
//!   a block        that block                       the maps, which are in that block
//! ```
//!
//! A block given by hand is either free, then it is allocated for the user, or an allocation that no
//! user has, then it stays as it is when the user is deleted. Whatever is chosen, the resulting maps
//! are checked against everybody else's ids by one piece of code.

use os_api::command::UserNew;
use os_types::id_table::Allocation;
use os_types::{Code, EntityRef, Failure, IdMap, IdMapEntry, IdRangeName, IdSpan};
use os_types::{Presence, Step, UserName};

use super::blocks::{owner_user, user_owner};
use super::context::Context;
use crate::claim::{Claim, Claims, Holder, Space};
use crate::document::{UserBlock, UserDoc};
use crate::state::PoolState;

/// The ids of a new user.
#[derive(Debug)]
pub(super) struct ChosenIds {
    /// A standalone user with them.
    pub(super) doc: UserDoc,
    /// Allocates the block, if it has to be.
    pub(super) step: Option<Step>,
    /// The range whose block it is.
    pub(super) range: Option<EntityRef>,
}

/// A block that is going to be used.
struct Block {
    range: EntityRef,
    name: IdRangeName,
    index: u32,
    span: IdSpan,
    step: Option<Step>,
}

/// The ids that a command asks for.
pub(super) fn choose(
    body: &UserNew,
    pool: &PoolState,
    context: &Context<'_>,
) -> Result<ChosenIds, Failure> {
    let maps = match (&body.uid_map, &body.gid_map) {
        (None, None) => None,
        (Some(uids), gids) => Some((uids.clone(), gids.as_ref().unwrap_or(uids).clone())),
        (None, Some(_)) => {
            let text = "a map of group ids needs a map of user ids beside it";
            return Err(Failure::new(Code::Body, text));
        }
    };
    let claims = Claims::of(context.state, context.facts);
    let wanted = (body.id_range.as_ref(), body.block_index);
    match (maps, wanted) {
        (Some(maps), (None, None)) => chosen(maps, None, pool, &claims),
        (Some(_), (Some(_), None)) => {
            let text = "an id range has no meaning with maps, unless a block of it is named";
            Err(Failure::new(Code::Body, text))
        }
        (maps, wanted) => {
            let block = choose_block(&body.name, wanted, pool, context, &claims)?;
            let maps = maps.unwrap_or_else(|| whole(block.span));
            chosen(maps, Some(block), pool, &claims)
        }
    }
}

/// The first free block of the default id range.
pub(super) fn first_free(
    user: &UserName,
    pool: &PoolState,
    context: &Context<'_>,
) -> Result<ChosenIds, Failure> {
    let claims = Claims::of(context.state, context.facts);
    let block = choose_block(user, (None, None), pool, context, &claims)?;
    chosen(whole(block.span), Some(block), pool, &claims)
}

fn chosen(
    (uid_map, gid_map): (IdMap, IdMap),
    block: Option<Block>,
    pool: &PoolState,
    claims: &Claims,
) -> Result<ChosenIds, Failure> {
    for (space, map) in [(Space::Uid, &uid_map), (Space::Gid, &gid_map)] {
        check(space, map, pool, block.as_ref(), claims)?;
    }
    let mut ids = ChosenIds {
        doc: UserDoc::new(uid_map, gid_map),
        step: None,
        range: None,
    };
    if let Some(block) = block {
        ids.doc.block = Some(UserBlock {
            id_range: block.name,
            index: block.index,
        });
        (ids.step, ids.range) = (block.step, Some(block.range));
    }
    Ok(ids)
}

/// `0:<first>:<count>`, for user ids and group ids.
fn whole(span: IdSpan) -> (IdMap, IdMap) {
    let entry = IdMapEntry::new(0, span.first(), span.count())
        .expect("a run of valid ids from 0 is no longer than one that begins higher");
    let map = IdMap::try_from(vec![entry]);
    let map = map.expect("a single entry that begins at id 0 is a map");
    (map.clone(), map)
}

/// The named block, or the first free one.
fn choose_block(
    user: &UserName,
    (range, index): (Option<&IdRangeName>, Option<u32>),
    pool: &PoolState,
    context: &Context<'_>,
    claims: &Claims,
) -> Result<Block, Failure> {
    let name = range.cloned().unwrap_or_else(|| {
        "default"
            .parse()
            .expect("default is the name of an id range")
    });
    let found = context.find(Some(pool.name()), &name)?;
    let doc = &found.usable()?.doc;
    let owner = user_owner(user);
    let index = match index {
        None => found.find_free(1, claims)?,
        Some(index) => index,
    };
    let there = doc.allocation_at(index);
    if let Some(allocation) = there {
        let range = found.label();
        if allocation.block_index != index {
            let first = allocation.block_index;
            let text = format!(
                "block {index} of id range {range} lies inside the allocation that begins at block \
                 {first}"
            );
            return Err(found.refuse(Code::Overlap, text));
        }
        let other = owner_user(allocation.owner.as_deref());
        if let Some(other) = other.filter(|other| *other != user.as_str()) {
            let owner = format!("{}:{other}", pool.name());
            let text = format!("block {index} of id range {range} is allocated to user {owner}");
            return Err(found.refuse(Code::Overlap, text));
        }
    }
    let wanted = Allocation {
        block_index: index,
        block_count: 1,
        owner: Some(owner),
    };
    let step = match there {
        Some(_) => None,
        None => found.step(&wanted, Presence::Present),
    };
    Ok(Block {
        span: found.span(index, there.map_or(1, |allocation| allocation.block_count))?,
        range: found.entity,
        name,
        index,
        step,
    })
}

/// Refuses a map that has ids of somebody else, or ids outside the block that it must be in.
fn check(
    space: Space,
    map: &IdMap,
    pool: &PoolState,
    block: Option<&Block>,
    claims: &Claims,
) -> Result<(), Failure> {
    if let Some(block) = block
        && let Some(map) = map.host_spans().find(|span| !block.span.contains(*span))
    {
        let text = format!(
            "{space} ids {map} are not in the block, which has ids {}",
            block.span
        );
        return Err(Failure::new(Code::Body, text));
    }
    let own = |holder: &Holder| match (holder, block) {
        (
            Holder::Allocation {
                pool: of,
                range,
                index,
                ..
            },
            Some(block),
        ) => of == pool.name() && *range == block.name && *index == block.index,
        _ => false,
    };
    match claims.of_map(space, map, &own) {
        None => Ok(()),
        Some(Claim { span, holder }) => {
            let text = format!("{space} ids {span} belong to {holder}");
            let failure = Failure::new(Code::Overlap, text).about(holder);
            Err(Failure {
                next: holder.next(),
                ..failure
            })
        }
    }
}
