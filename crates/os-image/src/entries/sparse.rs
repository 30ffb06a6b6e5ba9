//! Sparse files: where their data go.

use super::SparseExtent;
use super::block::{BLOCK, field, number};
use super::pax::decimal;

/// Where the data of a file go, piece by piece; the rest is holes.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    /// Offsets and lengths, in order; reversed, so that the next is the last.
    pieces: Vec<SparseExtent>,
    at: u64,
    size: u64,
}

/// What comes next: data or a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) length: usize,
    pub(super) is_hole: bool,
}

impl Map {
    /// A file without holes.
    pub(super) fn whole(size: u64) -> Self {
        Self {
            pieces: vec![(0, size)],
            at: 0,
            size,
        }
    }

    /// A file of `size` bytes, of which `pieces` are stored, `stored` bytes in all. `None` if that
    /// cannot be.
    pub(super) fn new(mut pieces: Vec<SparseExtent>, size: u64, stored: u64) -> Option<Self> {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (offset, length) in &pieces {
            if *offset < end {
                return None;
            }
            end = offset.checked_add(*length)?;
            sum = sum.checked_add(*length)?;
        }
        if end > size || sum != stored {
            return None;
        }
        pieces.reverse();
        Some(Self {
            pieces,
            at: 0,
            size,
        })
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// What comes next, at most `most` bytes of it; nothing at the end.
    pub(super) fn piece(&mut self, most: usize) -> Piece {
        while let Some((offset, length)) = self.pieces.last()
            && self.at >= offset.saturating_add(*length)
        {
            self.pieces.pop();
        }
        let (end, is_hole) = match self.pieces.last() {
            Some((offset, _)) if self.at < *offset => (*offset, true),
            Some((offset, length)) => (offset.saturating_add(*length), false),
            None => (self.size, true),
        };
        let left = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        Piece {
            length: left.min(most),
            is_hole,
        }
    }

    pub(super) fn advance(&mut self, by: usize) {
        self.at = self.at.saturating_add(by as u64);
    }
}

/// The map in a header of GNU's older format: four pieces, and more in the blocks behind.
#[derive(Debug, Clone)]
pub(super) struct OldMap {
    pieces: Vec<SparseExtent>,
    size: u64,
    pub(super) is_extended: bool,
}

impl OldMap {
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, &'static str> {
        let mut pieces = Vec::new();
        read(block, 386, 4, &mut pieces)?;
        Ok(Self {
            pieces,
            size: number(field(block, 483, 12))?,
            is_extended: field(block, 482, 1) != [0],
        })
    }

    /// Takes the pieces of a block; true if another block follows.
    pub(super) fn extend(&mut self, block: &[u8; BLOCK]) -> Result<bool, &'static str> {
        read(block, 0, 21, &mut self.pieces)?;
        Ok(field(block, 504, 1) != [0])
    }

    pub(super) fn build(self, stored: u64) -> Option<Map> {
        Map::new(self.pieces, self.size, stored)
    }
}

fn read(
    block: &[u8; BLOCK],
    at: usize,
    most: usize,
    pieces: &mut Vec<SparseExtent>,
) -> Result<(), &'static str> {
    for at in (at..).step_by(24).take(most) {
        if field(block, at, 1) == [0] {
            return Ok(());
        }
        let offset = number(field(block, at, 12))?;
        let length = number(field(block, at.saturating_add(12), 12))?;
        pieces.push((offset, length));
    }
    Ok(())
}

/// The map as text in front of the data, PAX 1.0: the number of pieces, then offset and length of
/// each, a number a line, filled up with zeros to a block.
#[derive(Debug, Default)]
pub(super) struct Text {
    line: Vec<u8>,
    count: Option<u64>,
    numbers: Vec<u64>,
}

impl Text {
    /// Reads a block; the pieces if it was the last one.
    pub(super) fn add(
        &mut self,
        block: &[u8; BLOCK],
    ) -> Result<Option<Vec<SparseExtent>>, &'static str> {
        for byte in block {
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() > 20 {
                    return Err("the map of a sparse file has too long a number");
                }
                continue;
            }
            let number = decimal(&std::mem::take(&mut self.line))?;
            match self.count {
                None => self.count = Some(number),
                Some(_) => self.numbers.push(number),
            }
            let (pairs, rest) = self.numbers.as_chunks::<2>();
            if self.count == Some(pairs.len() as u64) && rest.is_empty() {
                let pieces = pairs.iter().map(|[offset, length]| (*offset, *length));
                return Ok(Some(pieces.collect()));
            }
        }
        Ok(None)
    }
}
