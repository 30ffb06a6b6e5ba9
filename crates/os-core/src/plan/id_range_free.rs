//! `id-range-free`: allocations that no user has.

use os_api::command::IdRangeFree;
use os_types::id_table::{Allocation, IdTableError};
use os_types::{Code, EntityRef, Explain, Failure, Plan, Presence};

use super::context::{Context, on_pool, refuse};
use crate::claim::{Claims, Holder};

#[derive(Debug, thiserror::Error)]
enum IdRangeFreeError {
    #[error("either a block index or an owner says what to free, and one of the two")]
    Which,
    #[error("id range {range} has no allocation of {owner}")]
    NoOwner { range: String, owner: String },
    #[error("block {index} of id range {range} is in use by {holder}")]
    InUse {
        range: String,
        index: u32,
        holder: Holder,
    },
}

impl Explain for IdRangeFreeError {
    fn code(&self) -> Code {
        match self {
            Self::Which => Code::Body,
            Self::NoOwner { .. } => Code::NotFound,
            Self::InUse { .. } => Code::InUse,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Which => None,
            Self::NoOwner { range, .. } | Self::InUse { range, .. } => {
                Some(format!("id-range {range}"))
            }
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Which => None,
            Self::NoOwner { range, .. } => Some(format!("osctl id-range table ls {range}")),
            Self::InUse { holder, .. } => match holder {
                Holder::User { pool, name } => Some(format!("osctl user del {pool}:{name}")),
                _ => None,
            },
        }
    }
}

pub(super) fn plan(body: &IdRangeFree, context: &Context<'_>) -> Result<Plan, Failure> {
    let found = context.id_range(body.pool.as_ref(), &body.name)?;
    let allocations = found.usable()?.doc.table.allocations();
    let wanted: Vec<&Allocation> = match (body.block_index, &body.owner) {
        (Some(index), None) => {
            let at = allocations.iter().find(|a| a.block_index == index);
            let error = IdTableError::NotAllocated { index };
            vec![at.ok_or_else(|| found.wrong(error))?]
        }
        (None, Some(owner)) => allocations
            .iter()
            .filter(|a| a.owner.as_ref() == Some(owner))
            .collect(),
        _ => return Err(refuse(IdRangeFreeError::Which)),
    };
    if wanted.is_empty() {
        return Err(refuse(IdRangeFreeError::NoOwner {
            range: found.label(),
            owner: body.owner.clone().unwrap_or_default(),
        }));
    }
    let claims = Claims::of(context.state, context.facts);
    let mut steps = Vec::new();
    for allocation in wanted {
        if let Some(holder) = found.user_of(allocation, &claims, context)? {
            return Err(refuse(IdRangeFreeError::InUse {
                range: found.label(),
                index: allocation.block_index,
                holder,
            }));
        }
        steps.extend(found.step(allocation, Presence::Absent));
    }
    // The host too: a user that is just being made may be about to use the allocation.
    let touches = [EntityRef::Host, found.entity.clone()];
    Ok(on_pool(found.pool.name(), steps, touches))
}
