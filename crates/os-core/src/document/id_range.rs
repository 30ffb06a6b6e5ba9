//! `conf/id-range/<name>.toml`: an id range and its allocation table.

use os_api::view::Attrs;
use os_store::Document;
use os_types::id_table::{Allocation, IdTableError};
use os_types::{Code, Failure, IdTable, Presence, chain};
use serde::{Deserialize, Serialize};

/// An id range.
///
/// Invariant: the table is one that [`IdTable`] allows; a file whose allocations overlap or lie
/// outside is a damaged file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct IdRangeDoc {
    /// Blocks and who has them.
    pub table: IdTable,
    /// User attributes.
    pub attrs: Attrs,
}

/// The range as the file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    start_id: u32,
    block_size: u32,
    block_count: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allocations: Vec<Allocation>,
    #[serde(default, skip_serializing_if = "Attrs::is_empty")]
    attrs: Attrs,
}

impl Document for IdRangeDoc {
    const SCHEMA: u32 = 1;
    const KIND: &'static str = "id range";
}

impl TryFrom<Written> for IdRangeDoc {
    type Error = IdTableError;

    fn try_from(file: Written) -> Result<Self, IdTableError> {
        let mut table = IdTable::new(file.start_id, file.block_size, file.block_count)?;
        for allocation in file.allocations {
            table.take(
                allocation.block_index,
                allocation.block_count,
                allocation.owner,
            )?;
        }
        Ok(Self {
            table,
            attrs: file.attrs,
        })
    }
}

impl From<IdRangeDoc> for Written {
    fn from(doc: IdRangeDoc) -> Self {
        Self {
            start_id: doc.table.start_id(),
            block_size: doc.table.block_size(),
            block_count: doc.table.block_count(),
            allocations: doc.table.allocations().to_vec(),
            attrs: doc.attrs,
        }
    }
}

impl IdRangeDoc {
    /// A range without allocations.
    pub fn new(table: IdTable) -> Self {
        Self {
            table,
            attrs: Attrs::new(),
        }
    }

    /// The allocation that has the block, if one has.
    pub fn allocation_at(&self, block: u32) -> Option<&Allocation> {
        let mut all = self.table.allocations().iter();
        all.find(|a| a.overlaps(block, 1))
    }

    /// What an `id-blocks` step makes of the range: the range after it, `None` if it is there
    /// already.
    ///
    /// # Errors
    /// `Code::Conflict` if the blocks are at neither end of the step.
    pub fn with_blocks(&self, wanted: &Allocation, to: Presence) -> Result<Option<Self>, Failure> {
        let conflict = |text: String| Failure::new(Code::Conflict, text);
        let taken = |error: IdTableError| {
            let reason = chain(&error);
            conflict(format!("the blocks cannot be allocated any more: {reason}"))
        };
        let exact = self.table.allocations().iter().any(|a| a == wanted);
        let mut after = self.clone();
        match (to, exact) {
            (Presence::Present, true) => Ok(None),
            (Presence::Present, false) => after
                .table
                .take(wanted.block_index, wanted.block_count, wanted.owner.clone())
                .map(|()| Some(after))
                .map_err(taken),
            (Presence::Absent, true) => after
                .table
                .free(wanted.block_index)
                .map(|_freed| Some(after))
                .map_err(taken),
            (Presence::Absent, false) => {
                let (index, count) = (wanted.block_index, wanted.block_count);
                let mut all = self.table.allocations().iter();
                let other = all.find(|a| a.overlaps(index, count));
                other.map_or(Ok(None), |other| {
                    let (index, owner) = (other.block_index, other.owner.as_ref());
                    let of = owner
                        .map(|owner| format!(", of {owner}"))
                        .unwrap_or_default();
                    let text = format!("block {index} is now part of another allocation{of}");
                    Err(conflict(text))
                })
            }
        }
    }
}
