//! The step about blocks of an id range.

use std::path::Path;

use os_core::document::{self, IdRangeDoc};
use os_engine::Readiness;
use os_store::atomic;
use os_types::{Code, Failure, Presence, chain};

use super::{fail, file};

/// A run of blocks and who has them.
pub(super) struct Blocks<'a> {
    pub(super) index: u32,
    pub(super) count: u32,
    pub(super) owner: Option<&'a str>,
}

fn read(path: &Path) -> Result<(String, IdRangeDoc), Failure> {
    let text = atomic::read_text(path).map_err(|error| fail::file(&error))?;
    let text = text.ok_or_else(|| {
        Failure::new(Code::NotFound, format!("{} does not exist", path.display()))
    })?;
    let doc = os_store::document::parse(&text).map_err(|error| {
        Failure::new(Code::Damaged, format!("{}: {}", path.display(), chain(&error)))
    })?;
    Ok((text, doc))
}

pub(super) fn look(path: &Path, blocks: &Blocks<'_>, to: Presence) -> Result<Readiness, Failure> {
    let (_, doc) = read(path)?;
    let ours = |found: &&os_types::id_table::Allocation| {
        found.block_index == blocks.index
            && found.block_count == blocks.count
            && found.owner.as_deref() == blocks.owner
    };
    let allocated = doc.table.allocations().iter().any(|found| ours(&found));
    Ok(match to {
        Presence::Present if allocated => Readiness::Done,
        Presence::Absent if allocated => Readiness::Ready,
        Presence::Present => {
            let mut trial = doc.table.clone();
            match trial.take(blocks.index, blocks.count, None) {
                Ok(()) => Readiness::Ready,
                Err(error) => Readiness::Conflict(error.to_string()),
            }
        }
        Presence::Absent => Readiness::Done,
    })
}

/// Writes the changed table; returns the new text.
pub(super) fn go(path: &Path, blocks: &Blocks<'_>, to: Presence) -> Result<String, Failure> {
    let (_, mut doc) = read(path)?;
    let changed = match to {
        Presence::Present => {
            doc.table.take(blocks.index, blocks.count, blocks.owner.map(ToOwned::to_owned))
        }
        Presence::Absent => doc.table.free(blocks.index).map(drop),
    };
    changed.map_err(|error| Failure::new(Code::Conflict, error.to_string()))?;
    let text = document::text(&doc);
    file::go(path, Some(&text))?;
    Ok(text)
}
