//! Writing the root of an image: a tar in one form, whatever it was made from.

use std::collections::HashSet;
use std::ffi::OsString;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::{ImportError, Imported};
use crate::entries::{Entry, Kind};
use crate::unpack::{Limits, attributes, plain_path, printable};

/// Names and links that are longer are in an extended header, bytes.
const FIELD: usize = 100;

/// Gives data of a file, as [`io::Read::read`] does.
pub(super) type Data<'a> = dyn FnMut(&mut [u8]) -> Result<usize, ImportError> + 'a;

/// Writes entries, and counts them. Names are made plain; what an image must not have is refused or
/// left out.
pub(super) struct RootWriter<'a> {
    source: &'a Path,
    builder: Builder<&'a mut dyn Write>,
    imported: Imported,
    limits: Limits,
    /// What a hard link may lead to, and what was left out: hashes, since names may be long.
    files: HashSet<u64>,
    nodes: HashSet<u64>,
    hasher: RandomState,
    is_root: bool,
}

impl<'a> RootWriter<'a> {
    pub(super) fn new(source: &'a Path, out: &'a mut dyn Write) -> Self {
        Self {
            source,
            builder: Builder::new(out),
            imported: Imported::default(),
            limits: Limits::default(),
            files: HashSet::new(),
            nodes: HashSet::new(),
            hasher: RandomState::new(),
            is_root: false,
        }
    }

    pub(super) fn refuse(&self, entry: &[u8], why: &'static str) -> ImportError {
        ImportError::Entry {
            path: self.source.to_owned(),
            entry: printable(entry),
            why,
        }
    }

    /// What is on another file system is not taken.
    pub(super) fn leave_out_mount(&mut self) {
        let mounts = &mut self.imported.left_out.mounts;
        *mounts = mounts.saturating_add(1);
    }

    /// Writes an entry, whose path and, for a hard link, link are in `path` and `link`, taken apart.
    /// `data` is asked for the data of a file: `entry.size` bytes.
    pub(super) fn add(
        &mut self,
        entry: &Entry,
        path: &[OsString],
        link: Option<&[OsString]>,
        data: &mut Data<'_>,
    ) -> Result<(), ImportError> {
        if path.is_empty() && entry.kind != Kind::Folder {
            return Err(self.refuse(&entry.path, "is the root itself, but not a directory"));
        }
        let first = path.first().and_then(|name| name.to_str());
        self.is_root |= matches!(first, Some("etc" | "usr" | "bin" | "sbin"));
        let mark = self.hasher.hash_one(path);
        let letter = match entry.kind {
            Kind::File => EntryType::Regular,
            Kind::Folder => EntryType::Directory,
            Kind::Symlink => EntryType::Symlink,
            Kind::Fifo => EntryType::Fifo,
            Kind::HardLink => {
                let to = self.hasher.hash_one(link.unwrap_or_default());
                if self.nodes.contains(&to) {
                    self.leave_out_node(mark);
                    return Ok(());
                }
                if !self.files.contains(&to) {
                    let why = "is a hard link whose target is not an earlier file";
                    return Err(self.refuse(&entry.path, why));
                }
                EntryType::Link
            }
            Kind::Node => {
                self.leave_out_node(mark);
                return Ok(());
            }
            Kind::Other(_) => {
                return Err(self.refuse(&entry.path, "is of a kind that a root does not have"));
            }
        };
        self.count(entry)?;
        if entry.kind != Kind::Folder {
            self.files.insert(mark);
        }
        let name = joined(path);
        let link = link.map_or_else(|| entry.link.clone(), joined);
        self.extended(entry, &name, &link)?;
        let mut header = header(entry, letter);
        let old = header.as_old_mut();
        put(&mut old.name, &name);
        put(&mut old.linkname, &link);
        header.set_cksum();
        self.write(header.as_bytes())?;
        self.data(entry, data)
    }

    /// The end of the tar.
    pub(super) fn finish(mut self) -> Result<Imported, ImportError> {
        if !self.is_root {
            return Err(ImportError::NoRoot {
                path: self.source.to_owned(),
            });
        }
        self.builder.finish().map_err(ImportError::Spool)?;
        Ok(self.imported)
    }

    fn leave_out_node(&mut self, mark: u64) {
        self.nodes.insert(mark);
        let nodes = &mut self.imported.left_out.nodes;
        *nodes = nodes.saturating_add(1);
    }

    fn count(&mut self, entry: &Entry) -> Result<(), ImportError> {
        let measure = &mut self.imported.measure;
        measure.entries = measure.entries.saturating_add(1);
        measure.bytes = measure.bytes.saturating_add(entry.size);
        if measure.entries > self.limits.entries {
            return Err(self.refuse(&entry.path, "is one more than the million that may be"));
        }
        if measure.bytes > self.limits.bytes {
            return Err(self.refuse(&entry.path, "makes it larger than 256 GiB"));
        }
        Ok(())
    }

    /// What does not fit into the header: long names, attributes that a root may have.
    fn extended(&mut self, entry: &Entry, name: &[u8], link: &[u8]) -> Result<(), ImportError> {
        let (kept, left_out) = attributes::for_image(&entry.xattrs);
        let lost = left_out.saturating_add(entry.lost_xattrs);
        let xattrs = &mut self.imported.left_out.xattrs;
        *xattrs = xattrs.saturating_add(lost);
        let mut records: Vec<(String, &[u8])> = Vec::new();
        if name.len() > FIELD {
            records.push(("path".to_owned(), name));
        }
        if link.len() > FIELD {
            records.push(("linkpath".to_owned(), link));
        }
        // A symlink has no attributes that anybody may set.
        if entry.kind != Kind::Symlink && entry.kind != Kind::HardLink {
            let pairs = kept.iter();
            records.extend(pairs.map(|(name, value)| {
                let name = name.replace('%', "%25").replace('=', "%3D");
                (format!("SCHILY.xattr.{name}"), value.as_slice())
            }));
        }
        let records = records.iter().map(|(key, value)| (key.as_str(), *value));
        let written = self.builder.append_pax_extensions(records);
        written.map_err(ImportError::Spool)
    }

    fn data(&mut self, entry: &Entry, data: &mut Data<'_>) -> Result<(), ImportError> {
        if entry.kind != Kind::File {
            return Ok(());
        }
        let mut buffer = vec![0; 64 << 10];
        let mut left = entry.size;
        while left > 0 {
            let want = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let window = buffer.get_mut(..want).unwrap_or_default();
            let read = data(window)?;
            if read == 0 {
                return Err(self.refuse(&entry.path, "is shorter than its header says"));
            }
            self.write(buffer.get(..read).unwrap_or_default())?;
            left = left.saturating_sub(read as u64);
        }
        let padding = entry.size.next_multiple_of(512).saturating_sub(entry.size);
        let zeros = [0_u8; 512];
        self.write(
            zeros
                .get(..usize::try_from(padding).unwrap_or(0))
                .unwrap_or_default(),
        )
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        let written = self.builder.get_mut().write_all(bytes);
        written.map_err(ImportError::Spool)
    }
}

/// A fresh header with what counts: kind, owner, mode, time. Names of users belong to another host.
fn header(entry: &Entry, letter: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(letter);
    header.set_mode(entry.mode & 0o7777);
    header.set_uid(entry.uid);
    header.set_gid(entry.gid);
    header.set_mtime(u64::try_from(entry.mtime).unwrap_or(0));
    header.set_size(if entry.kind == Kind::File {
        entry.size
    } else {
        0
    });
    header
}

fn put(field: &mut [u8; FIELD], value: &[u8]) {
    for (place, byte) in field.iter_mut().zip(value) {
        *place = *byte;
    }
}

/// Components as one path; the root itself is `.`.
fn joined(path: &[OsString]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let parts: Vec<&[u8]> = path.iter().map(|part| part.as_bytes()).collect();
    parts.join(b"/".as_slice())
}

/// The components of a path of `entry`.
pub(super) fn components(path: &[u8]) -> Result<Vec<OsString>, &'static str> {
    if path.len() > Limits::default().path {
        return Err("has a path that is too long");
    }
    plain_path(path)
}

/// No data.
#[expect(
    clippy::unnecessary_wraps,
    reason = "so that it can stand for other data"
)]
pub(super) fn nothing(_buffer: &mut [u8]) -> Result<usize, ImportError> {
    Ok(0)
}

/// The error of a file that cannot be read.
pub(super) fn unreadable(path: &Path, source: impl Into<io::Error>) -> ImportError {
    ImportError::Read {
        path: path.to_owned(),
        source: source.into(),
    }
}
