//! The entries of a tar, read from a stream that may be anything.
//!
//! This is a reader of our own, because what is read comes from strangers: each length is checked
//! before it is used, what describes an entry takes at most [`HEADERS_LIMIT`] bytes of memory, and a
//! value may have any byte in it (a capability with a line feed is not rare).
//!
//! Read are the formats that tar(1), bsdtar(1) and busybox write: V7, ustar, GNU with long names and
//! sparse files, and PAX with attributes, ACLs and all three of its kinds of sparse files
//! (tar(5), pax(1), "Basic Tar Format" and "Storing Sparse Files" of the manual of GNU tar).

mod acl;
mod block;
mod header;
mod pax;
mod sparse;

use std::io::{self, Read};

use self::block::BLOCK;
use self::header::Header;
use self::pax::Extended;
use self::sparse::Map;

/// Offset and length of a piece of a file, in bytes.
type SparseExtent = (u64, u64);

/// How much may describe one entry, bytes: long names, attributes, the map of a sparse file.
pub(crate) const HEADERS_LIMIT: u64 = 1 << 20;

/// Why a tar cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// Its bytes cannot be had: a disk error, or what it is compressed with is damaged.
    #[error("cannot read the tar at byte {at}")]
    Read {
        /// How much of it was read, uncompressed.
        at: u64,
        /// What is wrong.
        source: io::Error,
    },
    /// It ends too early.
    #[error("the tar is cut short: it ends at byte {at}, without its end mark")]
    Cut {
        /// How long it is, uncompressed.
        at: u64,
    },
    /// The file is not a tar archive, or a malicious one.
    #[error("the tar is damaged before byte {at}: {why}")]
    Damaged {
        /// How much of it was read, uncompressed.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
}

/// An attribute: its name and its value.
pub(crate) type Xattr = (String, Vec<u8>);

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Symlink,
    HardLink,
    Fifo,
    /// A device.
    Node,
    /// Anything else, by its letter.
    Other(u8),
}

/// An entry, with everything that its extended headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) path: Vec<u8>,
    /// Where a link leads.
    pub(crate) link: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Seconds since 1970.
    pub(crate) mtime: i64,
    /// Extended attributes, ACLs among them in the form that the kernel has.
    pub(crate) xattrs: Vec<Xattr>,
    /// Attributes that cannot be kept: of odd names, or ACLs of users who have no number.
    pub(crate) lost_xattrs: u64,
    /// Bytes of the file, holes included.
    pub(crate) size: u64,
}

/// Reads entries one after the other.
#[derive(Debug)]
pub(crate) struct Entries<R> {
    inner: R,
    /// Bytes read so far.
    at: u64,
    /// Of the current entry: bytes of data that are not read yet, and the zeros up to a block.
    stored: u64,
    padding: u64,
    map: Map,
}

impl<R: Read> Entries<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            at: 0,
            stored: 0,
            padding: 0,
            map: Map::default(),
        }
    }

    /// The next entry; what is left of the data of this one is skipped. `None` at the end mark.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, TarError> {
        self.skip()?;
        let mut budget = HEADERS_LIMIT;
        let mut extended = None;
        let mut long_path = None;
        let mut long_link = None;
        loop {
            let Some(header) = self.header()? else {
                return if extended.is_some() || long_path.is_some() || long_link.is_some() {
                    Err(self.damaged("headers of an entry that does not come"))
                } else {
                    Ok(None)
                };
            };
            let first = match header.letter {
                b'L' => long_path
                    .replace(self.text(&header, &mut budget)?)
                    .is_none(),
                b'K' => long_link
                    .replace(self.text(&header, &mut budget)?)
                    .is_none(),
                b'x' | b'X' => {
                    let bytes = self.described(&header, &mut budget)?;
                    let parsed = Extended::parse(&bytes).map_err(|why| self.damaged(why))?;
                    extended.replace(parsed).is_none()
                }
                // What holds for all entries is about how the archive was made: a comment.
                b'g' => self.described(&header, &mut budget).map(|_| true)?,
                _ => {
                    let extended = extended.unwrap_or_default();
                    let mut entry = self.entry(header, extended, &mut budget)?;
                    entry.path = long_path.unwrap_or(entry.path);
                    entry.link = long_link.unwrap_or(entry.link);
                    return Ok(Some(entry));
                }
            };
            if !first {
                return Err(self.damaged("an entry has two headers of the same kind"));
            }
        }
    }

    /// Data of the current entry, holes as zeros. At most as much as `buffer` takes; 0 at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let piece = self.map.piece(buffer.len());
        let window = buffer.get_mut(..piece.length).unwrap_or_default();
        if window.is_empty() {
            return Ok(0);
        }
        if piece.is_hole {
            window.fill(0);
            self.map.advance(window.len());
            return Ok(window.len());
        }
        let at = self.at;
        let read = match self.inner.read(window) {
            Ok(0) => return Err(TarError::Cut { at }),
            Ok(read) => read,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => return self.read(buffer),
            Err(source) => return Err(TarError::Read { at, source }),
        };
        self.at = self.at.saturating_add(read as u64);
        self.stored = self.stored.saturating_sub(read as u64);
        self.map.advance(read);
        Ok(read)
    }

    /// Reads on behind the end mark, so that whatever checks the stream comes to its end. Some tars
    /// are filled up with zeros there.
    pub(crate) fn finish(mut self) -> Result<R, TarError> {
        let mut left = HEADERS_LIMIT;
        let mut buffer = [0_u8; BLOCK];
        loop {
            let at = self.at;
            match self.inner.read(&mut buffer) {
                Ok(0) => return Ok(self.inner),
                Ok(read) => {
                    self.at = self.at.saturating_add(read as u64);
                    left = left.saturating_sub(read as u64);
                }
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(TarError::Read { at, source }),
            }
            if left == 0 {
                return Err(self.damaged("too much follows its end mark"));
            }
        }
    }

    fn damaged(&self, why: &'static str) -> TarError {
        TarError::Damaged { at: self.at, why }
    }

    /// The entry of `header`; its data come next.
    fn entry(
        &mut self,
        header: Header,
        extended: Extended,
        budget: &mut u64,
    ) -> Result<Entry, TarError> {
        let kind = header.kind();
        let stored = extended.size.unwrap_or(header.size);
        // Links, devices and directories of some old tars have a size, and no data.
        let has_data = matches!(kind, Kind::File | Kind::Other(_));
        self.follow(if has_data { stored } else { 0 });
        let map = self.map(&header, &extended, budget)?;
        let size = map.size();
        self.map = map;
        Ok(Entry {
            kind,
            path: extended.path.unwrap_or(header.path),
            link: extended.link.unwrap_or(header.link),
            mode: header.mode,
            uid: extended.uid.unwrap_or(header.uid),
            gid: extended.gid.unwrap_or(header.gid),
            mtime: extended.mtime.unwrap_or(header.mtime),
            xattrs: extended.xattrs,
            lost_xattrs: extended.lost_xattrs,
            size: if kind == Kind::File { size } else { 0 },
        })
    }

    /// Where the data of a file go: one piece, or those of a sparse file.
    fn map(
        &mut self,
        header: &Header,
        extended: &Extended,
        budget: &mut u64,
    ) -> Result<Map, TarError> {
        let bad = "the map of a sparse file is wrong";
        let map = if let Some(old) = &header.sparse {
            let mut map = old.clone();
            let mut more = map.is_extended;
            while more {
                let block = self.block()?.ok_or(TarError::Cut { at: self.at })?;
                *budget = budget
                    .checked_sub(BLOCK as u64)
                    .ok_or_else(|| self.damaged(bad))?;
                more = map.extend(&block).map_err(|why| self.damaged(why))?;
            }
            map.build(self.stored)
        } else if let Some(pieces) = &extended.sparse_pieces {
            let size = extended.real_size.unwrap_or(0);
            Map::new(pieces.clone(), size, self.stored)
        } else if extended.has_map_in_data {
            let size = extended.real_size.unwrap_or(0);
            let pieces = self.map_in_data(budget)?;
            Map::new(pieces, size, self.stored)
        } else {
            Some(Map::whole(self.stored))
        };
        map.ok_or_else(|| self.damaged(bad))
    }

    /// The map at the beginning of a file's data: PAX, version 1.0.
    fn map_in_data(&mut self, budget: &mut u64) -> Result<Vec<SparseExtent>, TarError> {
        let mut text = sparse::Text::default();
        loop {
            *budget = budget
                .checked_sub(BLOCK as u64)
                .ok_or_else(|| self.damaged("the map of a sparse file is too long"))?;
            self.stored = self
                .stored
                .checked_sub(BLOCK as u64)
                .ok_or_else(|| self.damaged("the map of a sparse file is longer than the file"))?;
            let block = self.block()?.ok_or(TarError::Cut { at: self.at })?;
            if let Some(pieces) = text.add(&block).map_err(|why| self.damaged(why))? {
                return Ok(pieces);
            }
        }
    }

    /// Skips what is left of the current entry.
    fn skip(&mut self) -> Result<(), TarError> {
        let mut left = self.stored.saturating_add(self.padding);
        while left > 0 {
            let mut buffer = [0_u8; 16 << 10];
            let want = usize::try_from(left).unwrap_or(usize::MAX);
            let window = buffer.get_mut(..want.min(16 << 10)).unwrap_or_default();
            let read = self.fill(window)?;
            if read == 0 {
                return Err(TarError::Cut { at: self.at });
            }
            left = left.saturating_sub(read as u64);
        }
        self.stored = 0;
        self.padding = 0;
        self.map = Map::default();
        Ok(())
    }

    /// Expects this number of bytes of data, then zeros up to the next block.
    fn follow(&mut self, bytes: u64) {
        self.stored = bytes;
        self.padding = bytes.next_multiple_of(BLOCK as u64).saturating_sub(bytes);
    }

    /// The data of a header that describes an entry.
    fn described(&mut self, header: &Header, budget: &mut u64) -> Result<Vec<u8>, TarError> {
        *budget = budget
            .checked_sub(header.size.saturating_add(BLOCK as u64))
            .ok_or_else(|| self.damaged("the headers of an entry are longer than 1 MiB"))?;
        self.follow(header.size);
        let mut bytes = vec![0; usize::try_from(header.size).unwrap_or(0)];
        if self.fill(&mut bytes)? < bytes.len() {
            return Err(TarError::Cut { at: self.at });
        }
        self.stored = 0;
        self.skip()?;
        Ok(bytes)
    }

    /// The same as a name, which ends at a zero.
    fn text(&mut self, header: &Header, budget: &mut u64) -> Result<Vec<u8>, TarError> {
        let mut bytes = self.described(header, budget)?;
        let end = bytes.iter().position(|byte| *byte == 0);
        bytes.truncate(end.unwrap_or(bytes.len()));
        Ok(bytes)
    }

    /// The next header; `None` at the end mark, a block of zeros.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let block = self.block()?.ok_or(TarError::Cut { at: self.at })?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        Header::parse(&block)
            .map(Some)
            .map_err(|why| self.damaged(why))
    }

    /// The next block; `None` if the stream has ended.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(TarError::Cut { at: self.at }),
        }
    }

    /// Fills the buffer as far as the stream goes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let mut filled = 0;
        while let Some(window) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = self.at;
            match self.inner.read(window) {
                Ok(0) => break,
                Ok(read) => {
                    filled = filled.saturating_add(read);
                    self.at = self.at.saturating_add(read as u64);
                }
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(TarError::Read { at, source }),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests;
