//! `trash-prune` and `image-prune`: destroys unused datasets.

use os_api::command::{ImagePrune, TrashPrune};
use os_types::step::PurgeStep;
use os_types::{DatasetName, EntityRef, Failure, Plan, Step};

use super::context::{Context, on_pool};
use crate::layout;

pub(super) fn trash(body: &TrashPrune, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(Some(&body.pool))?;
    let trash = pool.dataset().join("trash")?;
    let inside = |dataset: &&DatasetName| dataset.parent().as_ref() == Some(&trash);
    let datasets = context.facts.storage.datasets.iter().filter(inside);
    let steps = datasets
        .cloned()
        .map(|dataset| Step::Purge(PurgeStep { dataset }));
    // Only prune operations use the trash; the lock keeps two of them apart.
    let root = os_types::GroupName::root().entity(&body.pool);
    Ok(on_pool(&body.pool, steps.collect(), [root]))
}

pub(super) fn images(body: &ImagePrune, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = context.pool(Some(&body.pool))?;
    let mut steps = Vec::new();
    let mut touches = Vec::new();
    for (digest, used) in &context.facts.storage.cached {
        if *used {
            continue;
        }
        let dataset = layout::image_dataset(pool.dataset(), digest)?;
        steps.push(Step::Purge(PurgeStep { dataset }));
        touches.push(EntityRef::Image {
            pool: body.pool.clone(),
            digest: digest.clone(),
        });
    }
    Ok(on_pool(&body.pool, steps, touches))
}
