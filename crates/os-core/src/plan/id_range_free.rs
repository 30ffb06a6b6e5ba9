//! `id-range-free`: allocations that no user has.

use os_api::command::IdRangeFree;
use os_types::id_table::{Allocation, IdTableError};
use os_types::{Code, Failure, Plan, Presence};

use super::context::{Context, on_pool};
use crate::claim::{Claims, Holder};

pub(super) fn plan(body: &IdRangeFree, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let allocations = found.usable()?.doc.table.allocations();
    let wanted: Vec<&Allocation> = match (body.block_index, &body.owner) {
        (Some(index), None) => {
            let at = allocations.iter().find(|a| a.block_index == index);
            let error = IdTableError::NotAllocated { index };
            vec![at.ok_or_else(|| found.wrong(&error))?]
        }
        (None, Some(owner)) => allocations
            .iter()
            .filter(|a| a.owner.as_ref() == Some(owner))
            .collect(),
        _ => {
            let text = "either a block index or an owner says what to free, and one of the two";
            return Err(Failure::new(Code::Body, text));
        }
    };
    if wanted.is_empty() {
        let (range, owner) = (found.label(), body.owner.as_deref().unwrap_or_default());
        let text = format!("id range {range} has no allocation of {owner}");
        return Err(found.refuse(Code::NotFound, text));
    }
    let claims = Claims::of(context.state, context.facts);
    let mut steps = Vec::new();
    for allocation in wanted {
        if let Some(holder) = found.user_of(allocation, &claims, context)? {
            let (range, index) = (found.label(), allocation.block_index);
            let text = format!("block {index} of id range {range} is in use by {holder}");
            let next = match holder {
                Holder::User { pool, name } => Some(format!("osctl user del {pool}:{name}")),
                _ => None,
            };
            let failure = found.refuse(Code::InUse, text);
            return Err(Failure { next, ..failure });
        }
        steps.extend(found.step(allocation, Presence::Absent));
    }
    let touches = [found.entity.clone()];
    Ok(on_pool(found.pool.name(), steps, touches))
}
