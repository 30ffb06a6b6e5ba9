//! `pool-install`: an existing btrfs or zpool becomes a pool and is imported.

use os_api::command::PoolInstall;
use os_types::step::PoolOpenStep;
use os_types::{Code, DatasetName, Failure, Plan, Presence, Step};

use super::context::{Context, about_pool};
use super::pool_import::activate;
use super::{ACTIVE_PROPERTY, DATASET_PROPERTY, source};

pub(super) fn plan(body: &PoolInstall, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let top = DatasetName::from(pool);
    let mut steps = Vec::new();
    steps.extend(source::remember(pool, body.source.as_ref(), context)?);
    steps.push(Step::PoolOpen(PoolOpenStep {
        pool: pool.clone(),
        force: false,
        installed: false,
        to: Presence::Present,
    }));
    // A file system that is installed already has the property: then the step finds nothing to do,
    // and one below another dataset is a conflict that says so.
    steps.push(source::property(pool, ACTIVE_PROPERTY, [None, Some("yes")]));
    if let Some(dataset) = body.dataset.as_ref().filter(|dataset| **dataset != top) {
        if !dataset.is_below(&top) {
            let text = format!("dataset {dataset} is not on pool {pool}");
            return Err(Failure::new(Code::Body, text).about(format!("pool {pool}")));
        }
        steps.push(source::property(
            pool,
            DATASET_PROPERTY,
            [None, Some(dataset.as_str())],
        ));
    }
    steps.extend(activate(pool));
    Ok(about_pool(pool, steps))
}
