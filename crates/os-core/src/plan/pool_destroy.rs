//! `pool-destroy`: the image of an exported pool is destroyed with everything on it.

use os_api::command::PoolDestroy;
use os_api::view::SourceKind;
use os_types::step::PoolImageStep;
use os_types::{Code, Failure, Plan, Presence, Step};

use super::context::{Context, about_pool};
use super::source;

/// A pool of which nothing is left is only forgotten.
pub(super) fn plan(body: &PoolDestroy, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let known = context.exported(pool)?;
    let mut steps = Vec::new();
    match known.kind {
        SourceKind::Image => steps.push(Step::PoolImage(PoolImageStep {
            pool: pool.clone(),
            file: known.path.clone(),
            size: known.size,
            file_system: None,
            to: Presence::Absent,
        })),
        SourceKind::Missing => {}
        SourceKind::Unreachable => {
            let text = format!("{} does not answer", known.path.display());
            return Err(Failure::new(Code::Deadline, text)
                .about(format!("pool {pool}"))
                .next("osctl pool sources"));
        }
        SourceKind::Device | SourceKind::Folder | SourceKind::Zpool => {
            let text = format!(
                "pool {pool} is not an image file of osctl, so osctl does not destroy its data"
            );
            return Err(Failure::new(Code::NotAPool, text)
                .about(format!("pool {pool}"))
                .next(format!("osctl pool uninstall {pool}")));
        }
    }
    steps.push(source::step(pool, Some(known.path.clone()), None));
    Ok(about_pool(pool, steps))
}
