//! `id-range-del`: an id range without allocations.

use os_api::command::IdRangeDel;
use os_types::{Code, Failure, Plan};

use super::context::{Context, on_pool};

/// A damaged range can be deleted: what it allocated is still claimed by the maps of the users.
pub(super) fn plan(body: &IdRangeDel, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.find(body.pool.as_ref(), &body.name)?;
    let allocations = found.entry.doc().map(|doc| doc.table.allocations());
    if let Some(first) = allocations.and_then(<[_]>::first) {
        let (range, index) = (found.label(), first.block_index);
        let mut text = format!("block {index} of id range {range} is allocated");
        if let Some(owner) = &first.owner {
            text = format!("{text} to {owner}");
        }
        return Err(found.refuse(Code::InUse, text));
    }
    let steps = vec![found.remove()?];
    let touches = [found.entity.clone()];
    Ok(on_pool(found.pool.name(), steps, touches))
}
