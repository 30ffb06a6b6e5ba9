//! The step about blocks of an id range.

use std::path::Path;

use os_core::document::{self, BlocksError, IdRangeDoc};
use os_engine::Readiness;
use os_store::atomic;
use os_types::id_table::Allocation;
use os_types::{Code, Failure, Presence, chain};

use super::{fail, file};

fn read(path: &Path) -> Result<IdRangeDoc, Failure> {
    let text = atomic::read_text(path).map_err(|error| fail::file(&error))?;
    let text = text.ok_or_else(|| {
        Failure::new(Code::NotFound, format!("{} does not exist", path.display()))
    })?;
    os_store::document::parse(&text).map_err(|error| {
        Failure::new(
            Code::Damaged,
            format!("{}: {}", path.display(), chain(&error)),
        )
    })
}

fn after(
    path: &Path,
    blocks: &Allocation,
    to: Presence,
) -> Result<Result<Option<IdRangeDoc>, BlocksError>, Failure> {
    Ok(read(path)?.with_blocks(blocks, to))
}

pub(super) fn look(path: &Path, blocks: &Allocation, to: Presence) -> Result<Readiness, Failure> {
    Ok(match after(path, blocks, to)? {
        Ok(Some(_)) => Readiness::Ready,
        Ok(None) => Readiness::Done,
        Err(error) => Readiness::Conflict(chain(&error)),
    })
}

/// Writes the changed table; returns the new text, `None` if nothing changes.
pub(super) fn go(
    path: &Path,
    blocks: &Allocation,
    to: Presence,
) -> Result<Option<String>, Failure> {
    let doc =
        after(path, blocks, to)?.map_err(|error| Failure::new(Code::Conflict, chain(&error)))?;
    let Some(doc) = doc else { return Ok(None) };
    let text = document::text(&doc);
    file::go(path, Some(&text))?;
    Ok(Some(text))
}
