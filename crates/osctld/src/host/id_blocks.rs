//! Blocks of id ranges.

use os_core::document::{self, IdRangeDoc};
use os_core::layout;
use os_engine::{Outcome, StepCheck, StepContext};
use os_types::step::IdBlocksStep;
use os_types::{Code, Failure, PoolPath};

use super::{HostStep, LinuxHost, file};

impl HostStep for IdBlocksStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        match changed(self, host) {
            Ok(changed) => Ok(StepCheck::done_if(changed.is_none())),
            Err(failure) if failure.code == Code::Conflict => {
                Ok(StepCheck::Conflict(failure.message))
            }
            Err(failure) => Err(failure),
        }
    }

    fn apply(&self, host: &LinuxHost, _: &StepContext<'_>) -> Result<Outcome, Failure> {
        let Some(doc) = changed(self, host)? else {
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
    let entity = step.range.entity(&step.pool);
    let relative = layout::config_path(&entity).unwrap_or_default();
    Ok(PoolPath::new(&step.pool, relative)?)
}

/// The range with the blocks in the target state; `None` if they are there already.
fn changed(step: &IdBlocksStep, host: &LinuxHost) -> Result<Option<IdRangeDoc>, Failure> {
    let path = host.locate(&path(step)?);
    let doc: Option<IdRangeDoc> = os_store::document::load(&path)?;
    let doc = doc.ok_or_else(|| {
        let text = format!("{} does not exist", path.display());
        Failure::new(Code::NotFound, text)
    })?;
    doc.with_blocks(&step.allocation(), step.to)
}
