//! `id-range-allocate`: blocks for whatever is not a user of osctl.

use os_api::command::IdRangeAllocate;
use os_types::id_table::Allocation;
use os_types::{Code, Failure, Plan, Presence};

use super::blocks::owner_user;
use super::context::{Context, on_pool};
use crate::claim::Claims;

pub(super) fn plan(body: &IdRangeAllocate, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    check_owner(body.owner.as_deref())?;
    let claims = Claims::of(context.state, context.facts);
    let count = body.block_count;
    let index = match body.block_index {
        None => found.find_free(count, &claims)?,
        Some(index) => {
            found.check_free(index, count, &claims)?;
            index
        }
    };
    let allocation = Allocation {
        block_index: index,
        block_count: count,
        owner: body.owner.clone(),
    };
    let steps = found.step(&allocation, Presence::Present);
    let touches = [found.entity.clone()];
    let steps = steps.into_iter().collect();
    Ok(on_pool(found.pool.name(), steps, touches))
}

fn check_owner(owner: Option<&str>) -> Result<(), Failure> {
    let Some(text) = owner else { return Ok(()) };
    if owner_user(owner).is_some() {
        let text = "owners that begin with 'user:' are made by `osctl user new`";
        return Err(Failure::new(Code::Name, text));
    }
    let length = text.chars().count();
    if text.contains(char::is_control) || text.trim().is_empty() || length > 100 {
        let text = "an owner has 1 to 100 printable characters";
        return Err(Failure::new(Code::Name, text));
    }
    Ok(())
}
