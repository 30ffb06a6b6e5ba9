//! Blocks of id ranges.

use os_core::document::{self, BlocksError, IdRangeDoc};
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::IdBlocksStep;
use os_types::{Code, EntityRef, Failure, PoolPath, chain};

use super::{HostStep, LinuxHost, file};

impl HostStep for IdBlocksStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        Ok(match changed(self, host)? {
            Ok(Some(_)) => StepCheck::Ready,
            Ok(None) => StepCheck::Done,
            Err(error) => StepCheck::Conflict(chain(&error)),
        })
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let doc =
            changed(self, host)?.map_err(|error| Failure::new(Code::Conflict, chain(&error)))?;
        let Some(doc) = doc else {
            return Ok(Outcome::Unchanged);
        };
        let (path, text) = (path(self)?, document::text(&doc));
        file::write(&host.locate(&path), Some(&text))?;
        host.learn(&path, Some(&text));
        Ok(Outcome::Changed)
    }
}

/// The file of the range.
fn path(step: &IdBlocksStep) -> Result<PoolPath, Failure> {
    let entity = EntityRef::IdRange {
        pool: step.pool.clone(),
        name: step.range.clone(),
    };
    let relative = layout::config_path(&entity).unwrap_or_default();
    Ok(PoolPath::new(&step.pool, relative)?)
}

/// The range with the blocks at the far end; `None` if they are there already.
fn changed(
    step: &IdBlocksStep,
    host: &LinuxHost,
) -> Result<Result<Option<IdRangeDoc>, BlocksError>, Failure> {
    let path = host.locate(&path(step)?);
    let doc: Option<IdRangeDoc> = os_store::document::load(&path)?;
    let doc = doc.ok_or_else(|| {
        let text = format!("{} does not exist", path.display());
        Failure::new(Code::NotFound, text)
    })?;
    Ok(doc.with_blocks(&step.allocation(), step.to))
}
