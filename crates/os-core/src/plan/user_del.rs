//! `user-del`: a user that nothing uses, damaged or not.

use os_api::command::UserDel;
use os_types::step::SystemUserStep;
use os_types::{EntityRef, Failure, Plan, Presence, Step, UserName};

use super::blocks::user_owner;
use super::context::{Context, on_pool, unused};
use crate::document::UserDoc;
use crate::state::Found;

pub(super) fn plan(body: &UserDel, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    unused(&found.entity, context.state)?;
    let (mut steps, mut touches) = (Vec::new(), Vec::new());
    forget(&found, context, &mut steps, &mut touches)?;
    Ok(on_pool(found.pool.name(), steps, touches))
}

/// The steps that delete a user, in use or not.
pub(super) fn forget(
    found: &Found<'_, UserDoc>,
    context: &Context<'_>,
    steps: &mut Vec<Step>,
    touches: &mut Vec<EntityRef>,
) -> Result<(), Failure> {
    let EntityRef::User { pool, name } = &found.entity else {
        return Ok(());
    };
    // Only what is there: the steps back must not register a user that was not.
    if context.facts.account(pool, name).is_some() {
        steps.push(Step::SystemUser(SystemUserStep {
            pool: pool.clone(),
            user: name.clone(),
            to: Presence::Absent,
        }));
    }
    steps.push(found.remove()?);
    touches.push(found.entity.clone());
    free_blocks(found, name, context, steps, touches)
}

/// Frees what was allocated for the user. A block that was there before the user stays.
fn free_blocks(
    found: &Found<'_, UserDoc>,
    user: &UserName,
    context: &Context<'_>,
    steps: &mut Vec<Step>,
    touches: &mut Vec<EntityRef>,
) -> Result<(), Failure> {
    let pool = found.pool.name();
    let owner = user_owner(user);
    let block = found.entry.doc().and_then(|doc| doc.block.as_ref());
    for name in found.pool.id_ranges().keys() {
        let range = context.find(Some(pool), name)?;
        if range.entry.failure().is_some() {
            if block.is_some_and(|block| block.id_range == *name) {
                range.usable()?;
            }
            continue;
        }
        let allocations = range.usable()?.doc.table.allocations();
        for allocation in allocations {
            if allocation.owner.as_ref() == Some(&owner) {
                steps.extend(range.step(allocation, Presence::Absent));
                touches.push(range.entity.clone());
            }
        }
    }
    Ok(())
}
