//! The members of an archive: plain files of a ustar, one behind the other.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

/// The unit of a tar, bytes.
pub(super) const BLOCK: u64 = 512;

/// Where the member at `at` ends, of `size` bytes.
pub(super) fn end(at: u64, size: u64) -> u64 {
    let padded = size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
    at.saturating_add(BLOCK).saturating_add(padded)
}

/// Name and size of the member whose header is at `at`. `None` if there is no header of a plain file:
/// a member has no other kind, and no header in front of its own.
pub(super) fn read(file: &File, at: u64) -> io::Result<Option<(String, u64)>> {
    let mut header = tar::Header::new_old();
    match file.read_exact_at(header.as_mut_bytes(), at) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    // Summed up with its own field as spaces, tar(5).
    let mut copy = header.clone();
    copy.set_cksum();
    let is_whole = header.cksum().ok() == copy.cksum().ok();
    let name = header.path_bytes();
    let name = std::str::from_utf8(&name).ok();
    Ok(match (name, header.entry_size()) {
        (Some(name), Ok(size)) if is_whole && header.entry_type().is_file() => {
            Some((name.chars().take(100).collect(), size))
        }
        _ => None,
    })
}

/// A range of bytes of a file. Reading it does not change the file's own position.
#[derive(Debug)]
pub(super) struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl<'a> Section<'a> {
    pub(super) const fn new(file: &'a File, at: u64, left: u64) -> Self {
        Self { file, at, left }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX);
        let want = want.min(buffer.len());
        let window = buffer.get_mut(..want).unwrap_or_default();
        let read = self.file.read_at(window, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
