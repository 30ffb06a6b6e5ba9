//! `id-range-del`: an id range without allocations.

use os_api::command::IdRangeDel;
use os_types::{Code, EntityRef, Explain, Failure, Plan};

use super::context::{Context, on_pool, refuse};

#[derive(Debug, thiserror::Error)]
#[error(
    "block {index} of id range {range} is allocated{}",
    owner.as_ref().map(|owner| format!(" to {owner}")).unwrap_or_default()
)]
struct IdRangeDelError {
    range: String,
    index: u32,
    owner: Option<String>,
}

impl Explain for IdRangeDelError {
    fn code(&self) -> Code {
        Code::InUse
    }
    fn object(&self) -> Option<String> {
        Some(format!("id-range {}", self.range))
    }
    fn next(&self) -> Option<String> {
        Some(format!("osctl id-range table ls {}", self.range))
    }
}

/// A damaged range can be deleted: what it allocated is still claimed by the maps of the users.
pub(super) fn plan(body: &IdRangeDel, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.id_range(body.pool.as_ref(), &body.name)?;
    let allocations = found.entry.doc().map(|doc| doc.table.allocations());
    if let Some(first) = allocations.and_then(<[_]>::first) {
        return Err(refuse(IdRangeDelError {
            range: found.label(),
            index: first.block_index,
            owner: first.owner.clone(),
        }));
    }
    let steps = vec![found.remove()?];
    // The host too: nobody counts on these ids being free before they are for good.
    let touches = [EntityRef::Host, found.entity.clone()];
    Ok(on_pool(found.pool.name(), steps, touches))
}
