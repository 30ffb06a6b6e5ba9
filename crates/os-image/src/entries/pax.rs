//! The extended header of an entry, pax(1): records of `length key=value`.

use super::SparseExtent;
use super::{Xattr, acl};

/// What an extended header says of the entry behind it.
#[derive(Debug, Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<i64>,
    pub(super) xattrs: Vec<Xattr>,
    pub(super) lost_xattrs: u64,
    /// Pieces of a sparse file, versions 0.0 and 0.1.
    pub(super) sparse_pieces: Option<Vec<SparseExtent>>,
    /// In version 1.0 they come before the data.
    pub(super) has_map_in_data: bool,
    /// How large a sparse file is, with its holes.
    pub(super) real_size: Option<u64>,
    /// A sparse file's name; the ordinary name is for programs without support for sparse files.
    sparse_name: Option<Vec<u8>>,
    /// An offset of version 0.0 that waits for its length.
    offset: Option<u64>,
    /// ACLs as text; attributes win.
    acls: Vec<(&'static str, Vec<u8>)>,
}

const BAD: &str = "a record of an extended header is malformed";

impl Extended {
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, &'static str> {
        let mut extended = Self::default();
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or(BAD)?;
            extended.apply(key, value)?;
            bytes = rest;
        }
        if extended.offset.is_some() {
            return Err(BAD);
        }
        extended.path = extended.sparse_name.take().or(extended.path);
        for (name, text) in std::mem::take(&mut extended.acls) {
            if extended.xattrs.iter().any(|(known, _)| known == name) {
                continue;
            }
            match acl::from_text(&text) {
                Some(value) => extended.xattrs.push((name.to_owned(), value)),
                None => extended.lost_xattrs = extended.lost_xattrs.saturating_add(1),
            }
        }
        Ok(extended)
    }

    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(decimal(value)?),
            b"uid" => self.uid = Some(decimal(value)?),
            b"gid" => self.gid = Some(decimal(value)?),
            b"mtime" => self.mtime = Some(seconds(value)?),
            b"SCHILY.acl.access" => self.acls.push((acl::ACCESS, value.to_vec())),
            b"SCHILY.acl.default" => self.acls.push((acl::DEFAULT, value.to_vec())),
            b"GNU.sparse.name" => self.sparse_name = Some(value.to_vec()),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.real_size = Some(decimal(value)?),
            b"GNU.sparse.major" => self.has_map_in_data = decimal(value)? == 1,
            b"GNU.sparse.offset" => {
                if self.offset.replace(decimal(value)?).is_some() {
                    return Err(BAD);
                }
            }
            b"GNU.sparse.numbytes" => {
                let offset = self.offset.take().ok_or(BAD)?;
                let pieces = self.sparse_pieces.get_or_insert_default();
                pieces.push((offset, decimal(value)?));
            }
            b"GNU.sparse.map" => self.sparse_pieces = Some(pieces(value)?),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattr(name, value);
                }
            }
        }
        Ok(())
    }

    fn xattr(&mut self, name: &[u8], value: &[u8]) {
        match std::str::from_utf8(name) {
            Ok(name) if !name.contains('\0') => {
                // GNU tar writes a key with = in it this way.
                let name = name.replace("%3D", "=").replace("%25", "%");
                self.xattrs.push((name, value.to_vec()));
            }
            _ => self.lost_xattrs = self.lost_xattrs.saturating_add(1),
        }
    }
}

/// A record: key, value, and what is behind it.
type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// The first record. The length counts itself.
fn record(bytes: &[u8]) -> Option<Record<'_>> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(bytes.get(..space)?).ok()?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let body = record
        .get(space.checked_add(1)?..)?
        .strip_suffix(b"\n".as_slice())?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let (key, value) = body.split_at_checked(equals)?;
    Some((key, value.get(1..)?, rest))
}

pub(super) fn decimal(text: &[u8]) -> Result<u64, &'static str> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok())
        .ok_or("a number of an extended header is none")
}

/// The whole seconds of a time, which may have a fraction and be before 1970.
fn seconds(text: &[u8]) -> Result<i64, &'static str> {
    let whole = text.split(|byte| *byte == b'.').next().unwrap_or_default();
    let text = std::str::from_utf8(whole).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or("a time of an extended header is none")
}

/// `offset,length,offset,length...`, version 0.1.
fn pieces(text: &[u8]) -> Result<Vec<SparseExtent>, &'static str> {
    let numbers = text.split(|byte| *byte == b',').map(decimal);
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(BAD);
    }
    Ok(pairs
        .iter()
        .map(|[offset, length]| (*offset, *length))
        .collect())
}
