//! `pool-set` and `pool-unset`: settings of a pool.

use std::num::NonZeroU32;

use os_api::command::{PoolSet, PoolSetting, PoolUnset};
use os_types::{Code, EntityRef, Failure, Plan};

use super::context::{Context, on_pool, rewrite};
use crate::document::PoolDoc;
use crate::state::PoolState;

/// More at the same time would only stand in each other's way.
const MOST: u32 = 1000;

pub(super) fn set(body: &PoolSet, context: &Context<'_>) -> Result<Plan, Failure> {
    let check = |setting: &str, value: Option<u32>| match value {
        None => Ok(None),
        Some(value) => {
            let valid = NonZeroU32::new(value).filter(|value| value.get() <= MOST);
            valid.map(Some).ok_or_else(|| {
                let text = format!("{setting} is 1 to {MOST}, not {value}");
                Failure::new(Code::Body, text).about(format!("pool {}", body.pool))
            })
        }
    };
    let start = check("parallel-start", body.parallel_start)?;
    let stop = check("parallel-stop", body.parallel_stop)?;
    change(context.pool(Some(&body.pool))?, |doc| {
        doc.parallel_start = start.or(doc.parallel_start);
        doc.parallel_stop = stop.or(doc.parallel_stop);
    })
}

pub(super) fn unset(body: &PoolUnset, context: &Context<'_>) -> Result<Plan, Failure> {
    change(context.pool(Some(&body.pool))?, |doc| match body.setting {
        PoolSetting::ParallelStart => doc.parallel_start = None,
        PoolSetting::ParallelStop => doc.parallel_stop = None,
    })
}

/// The plan that changes the settings of a pool; also for its attributes.
pub(super) fn change(pool: &PoolState, change: impl FnOnce(&mut PoolDoc)) -> Result<Plan, Failure> {
    let name = pool.name();
    let entity = EntityRef::Pool { pool: name.clone() };
    let mut doc = pool.settings();
    change(&mut doc);
    let steps = if pool.config().is_none() && doc == PoolDoc::default() {
        Vec::new()
    } else {
        rewrite(name, &entity, pool.config(), &doc)?
    };
    Ok(on_pool(name, steps, [entity]))
}
