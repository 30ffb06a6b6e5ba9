//! The allocation table of an id range: allocated blocks and their owners.

use serde::{Deserialize, Serialize};

use crate::id_map::IdSpan;

/// An allocated run of blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// Index of the first block.
    pub block_index: u32,
    /// Number of blocks.
    pub block_count: u32,
    /// The owner: `user:<name>`, or any text of the administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Allocation {
    fn end(&self) -> u64 {
        u64::from(self.block_index) + u64::from(self.block_count)
    }

    /// Whether it has one of these blocks.
    pub fn overlaps(&self, index: u32, count: u32) -> bool {
        u64::from(self.block_index) < u64::from(index) + u64::from(count)
            && u64::from(index) < self.end()
    }
}

/// A run of blocks as listings show it; the segments of a table cover it without gaps, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Index of the first block.
    pub block_index: u32,
    /// Number of blocks, never 0.
    pub block_count: u32,
    /// The allocation, `None` for free blocks.
    pub allocation: Option<Allocation>,
}

/// `block_count` blocks of `block_size` ids from `start_id`, and who has which.
///
/// Invariants: all ids are valid ([`IdSpan`]), allocations are sorted, disjoint and inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTable {
    start_id: u32,
    block_size: u32,
    block_count: u32,
    allocations: Vec<Allocation>,
}

/// Why a table or an allocation cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTableError {
    /// The range is empty or leaves the 32 bits of ids.
    #[error(
        "{block_count} blocks of {block_size} ids from {start_id} reach beyond id 4294967294, or there are none"
    )]
    Size {
        /// First id.
        start_id: u32,
        /// Ids a block.
        block_size: u32,
        /// Number of blocks.
        block_count: u32,
    },
    /// The wanted blocks are not inside the range.
    #[error("blocks {index} to {} are not in the range, which has {block_count} blocks", u64::from(*index) + u64::from(*count) - 1)]
    Outside {
        /// First wanted block.
        index: u32,
        /// How many.
        count: u32,
        /// Size of the range.
        block_count: u32,
    },
    /// No blocks were asked for.
    #[error("at least one block must be asked for")]
    Nothing,
    /// Somebody has them.
    #[error("block {index} is allocated{}", owner.as_ref().map(|o| format!(" to {o}")).unwrap_or_default())]
    Taken {
        /// The first taken block.
        index: u32,
        /// Its owner.
        owner: Option<String>,
    },
    /// No free run is long enough.
    #[error("no {count} adjacent free blocks are left")]
    Full {
        /// How many were wanted.
        count: u32,
    },
    /// Nothing is allocated there.
    #[error("no allocation begins at block {index}")]
    NotAllocated {
        /// The block asked for.
        index: u32,
    },
}

impl IdTable {
    /// A table without allocations.
    ///
    /// # Errors
    /// [`IdTableError::Size`] if it is empty or does not fit into valid ids.
    pub fn new(start_id: u32, block_size: u32, block_count: u32) -> Result<Self, IdTableError> {
        let end = u64::from(start_id) + u64::from(block_size) * u64::from(block_count);
        if block_size == 0 || block_count == 0 || end > u64::from(u32::MAX) {
            return Err(IdTableError::Size {
                start_id,
                block_size,
                block_count,
            });
        }
        Ok(Self {
            start_id,
            block_size,
            block_count,
            allocations: Vec::new(),
        })
    }

    /// First id of the range.
    pub fn start_id(&self) -> u32 {
        self.start_id
    }

    /// Ids a block.
    pub fn block_size(&self) -> u32 {
        self.block_size
    }

    /// Number of blocks.
    pub fn block_count(&self) -> u32 {
        self.block_count
    }

    /// What is allocated, by index.
    pub fn allocations(&self) -> &[Allocation] {
        &self.allocations
    }

    /// The ids of a run of blocks.
    ///
    /// # Errors
    /// [`IdTableError::Outside`] or [`IdTableError::Nothing`].
    pub fn span(&self, index: u32, count: u32) -> Result<IdSpan, IdTableError> {
        if count == 0 {
            return Err(IdTableError::Nothing);
        }
        let outside = IdTableError::Outside {
            index,
            count,
            block_count: self.block_count,
        };
        if u64::from(index) + u64::from(count) > u64::from(self.block_count) {
            return Err(outside);
        }
        let first = u64::from(self.start_id) + u64::from(index) * u64::from(self.block_size);
        let ids = u64::from(count) * u64::from(self.block_size);
        match (u32::try_from(first), u32::try_from(ids)) {
            (Ok(first), Ok(ids)) => IdSpan::new(first, ids).ok_or(outside),
            _ => Err(outside),
        }
    }

    /// All ids of the range.
    pub fn whole(&self) -> IdSpan {
        self.span(0, self.block_count)
            .expect("a table's whole range was checked when it was made")
    }

    /// Takes exactly the blocks `index` to `index + count - 1`.
    ///
    /// # Errors
    /// When they are not in the range or somebody has one of them.
    pub fn take(
        &mut self,
        index: u32,
        count: u32,
        owner: Option<String>,
    ) -> Result<(), IdTableError> {
        self.span(index, count)?;
        // They are sorted and disjoint, so only the neighbours can be in the way.
        let place = self.allocations.partition_point(|a| a.block_index < index);
        let before = place
            .checked_sub(1)
            .and_then(|before| self.allocations.get(before));
        let mut neighbours = before.into_iter().chain(self.allocations.get(place));
        if let Some(taken) = neighbours.find(|a| a.overlaps(index, count)) {
            return Err(IdTableError::Taken {
                index: taken.block_index.max(index),
                owner: taken.owner.clone(),
            });
        }
        self.allocations.insert(
            place,
            Allocation {
                block_index: index,
                block_count: count,
                owner,
            },
        );
        Ok(())
    }

    /// The first run of `count` free blocks of which `usable` accepts the ids.
    ///
    /// `usable` sees a candidate's ids and answers with the first id from which to go on looking
    /// when it refuses them (the end of what is in the way).
    ///
    /// # Errors
    /// [`IdTableError::Full`] when there is none.
    pub fn find_free(
        &self,
        count: u32,
        usable: impl Fn(IdSpan) -> Result<(), u32>,
    ) -> Result<u32, IdTableError> {
        let full = IdTableError::Full { count };
        let mut index = 0_u32;
        loop {
            let span = match self.span(index, count) {
                Ok(span) => span,
                Err(IdTableError::Nothing) => return Err(IdTableError::Nothing),
                Err(_) => return Err(full),
            };
            if let Some(taken) = self.allocations.iter().find(|a| a.overlaps(index, count)) {
                index = u32::try_from(taken.end())
                    .ok()
                    .ok_or_else(|| full.clone())?;
                continue;
            }
            match usable(span) {
                Ok(()) => return Ok(index),
                Err(resume_id) => {
                    let skipped = resume_id
                        .saturating_sub(self.start_id)
                        .div_ceil(self.block_size);
                    index = skipped.max(index.saturating_add(1));
                }
            }
        }
    }

    /// Frees the allocation that begins at `index` and returns it.
    ///
    /// # Errors
    /// [`IdTableError::NotAllocated`].
    pub fn free(&mut self, index: u32) -> Result<Allocation, IdTableError> {
        let place = self.allocations.iter().position(|a| a.block_index == index);
        place.map_or(Err(IdTableError::NotAllocated { index }), |place| {
            Ok(self.allocations.remove(place))
        })
    }

    /// The whole range as free and allocated runs, in order.
    pub fn segments(&self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(self.allocations.len() * 2 + 1);
        let mut next = 0_u32;
        for allocation in &self.allocations {
            if allocation.block_index > next {
                segments.push(Segment {
                    block_index: next,
                    block_count: allocation.block_index - next,
                    allocation: None,
                });
            }
            segments.push(Segment {
                block_index: allocation.block_index,
                block_count: allocation.block_count,
                allocation: Some(allocation.clone()),
            });
            next = allocation.block_index + allocation.block_count;
        }
        if next < self.block_count {
            let block_count = self.block_count - next;
            segments.push(Segment {
                block_index: next,
                block_count,
                allocation: None,
            });
        }
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn size_stays_in_ids() {
        IdTable::new(1_000_000, 65_536, 65_520).unwrap();
        IdTable::new(1_000_000, 65_536, 65_521).unwrap_err();
        IdTable::new(0, 0, 1).unwrap_err();
        IdTable::new(0, u32::MAX, u32::MAX).unwrap_err();
    }

    #[test]
    fn first_fit_skips_what_is_in_the_way() {
        let mut table = IdTable::new(1000, 10, 10).unwrap();
        table.take(0, 2, None).unwrap();
        let foreign = IdSpan::new(1025, 10).unwrap();
        let usable = |span: IdSpan| {
            if span.overlaps(foreign) {
                Err(foreign.last() + 1)
            } else {
                Ok(())
            }
        };
        assert_eq!(table.find_free(1, usable), Ok(4));
        assert_eq!(table.find_free(6, usable), Ok(4));
        assert_eq!(
            table.find_free(7, usable),
            Err(IdTableError::Full { count: 7 })
        );
        assert_eq!(table.find_free(0, usable), Err(IdTableError::Nothing));
    }

    proptest! {
        #[test]
        fn allocations_stay_disjoint_and_segments_cover(
            ops in prop::collection::vec((0u32..40, 1u32..6, any::<bool>()), 0..60)
        ) {
            let mut table = IdTable::new(5, 3, 32).unwrap();
            for (index, count, free) in ops {
                if free { table.free(index).map(drop).unwrap_or_default(); }
                else { table.take(index, count, None).unwrap_or_default(); }
            }
            let spans: Vec<_> = table.allocations().iter()
                .map(|a| table.span(a.block_index, a.block_count).unwrap()).collect();
            for (i, a) in spans.iter().enumerate() {
                for b in &spans[i + 1..] { prop_assert!(!a.overlaps(*b)); }
            }
            let mut next = 0;
            for segment in table.segments() {
                prop_assert_eq!(segment.block_index, next);
                prop_assert!(segment.block_count > 0);
                next += segment.block_count;
            }
            prop_assert_eq!(next, 32);
        }
    }
}
