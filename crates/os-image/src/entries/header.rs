//! The header of an entry: one block of fields at fixed places, tar(5).

use super::Kind;
use super::block::{BLOCK, field, number, signed};
use super::sparse::OldMap;

/// A header, as far as it is used.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) letter: u8,
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) mtime: i64,
    /// Of a sparse file in GNU's older format.
    pub(super) sparse: Option<OldMap>,
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, &'static str> {
        if !is_sum_right(block)? {
            return Err("the checksum of a header is wrong");
        }
        let letter = field(block, 156, 1).first().copied().unwrap_or(0);
        // GNU's magic is "ustar  \0", and it has other fields where ustar has a prefix.
        let is_posix = field(block, 257, 6) == b"ustar\0";
        let name = text(field(block, 0, 100));
        let prefix = if is_posix {
            text(field(block, 345, 155))
        } else {
            &[]
        };
        let path = if prefix.is_empty() {
            name.to_vec()
        } else {
            [prefix, b"/", name].concat()
        };
        let sparse = (letter == b'S').then(|| OldMap::parse(block)).transpose()?;
        Ok(Self {
            letter,
            path,
            link: text(field(block, 157, 100)).to_vec(),
            mode: u32::try_from(number(field(block, 100, 8))? & 0o7777).unwrap_or(0),
            uid: number(field(block, 108, 8))?,
            gid: number(field(block, 116, 8))?,
            size: number(field(block, 124, 12))?,
            mtime: signed(field(block, 136, 12))?,
            sparse,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self.letter {
            // Before there was a letter for directories, a slash told.
            0 | b'0' | b'7' if self.path.ends_with(b"/") => Kind::Folder,
            0 | b'0' | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' | b'4' => Kind::Node,
            b'5' => Kind::Folder,
            b'6' => Kind::Fifo,
            other => Kind::Other(other),
        }
    }
}

/// Up to the first zero.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    field.get(..end.unwrap_or(field.len())).unwrap_or_default()
}

/// Whether the sum of all bytes is what the header says, its own field counted as spaces. Some old
/// programs took bytes for signed.
fn is_sum_right(block: &[u8; BLOCK]) -> Result<bool, &'static str> {
    let told = signed(field(block, 148, 8))?;
    let own = field(block, 148, 8);
    let spaces = 8 * i64::from(b' ');
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let whole = i64::try_from(sum(block).saturating_sub(sum(own))).unwrap_or(0);
    if told == whole.saturating_add(spaces) {
        return Ok(true);
    }
    let sum = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| i64::from(byte.cast_signed()))
            .sum::<i64>()
    };
    let whole = sum(block).saturating_sub(sum(own));
    Ok(told == whole.saturating_add(spaces))
}
