//! A root in a folder of this host.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tar::EntryType;

use super::{ImportError, Imported, RootSeen};
use crate::unpack::attributes;

/// Writes the root in the folder `path` to `out` as an uncompressed tar, in order of names. Nothing is
/// followed; what lies on other file systems is left out.
///
/// # Errors
/// When something in it cannot be read.
pub fn folder(path: &Path, out: &mut dyn Write) -> Result<Imported, ImportError> {
    let top = fs::symlink_metadata(path).map_err(|source| read_error(path, source))?;
    if !top.is_dir() {
        let source = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(read_error(path, source));
    }
    let mut walk = Walk {
        top: path.to_owned(),
        device: top.dev(),
        builder: tar::Builder::new(out),
        imported: Imported::default(),
        links: HashMap::new(),
        seen: RootSeen::default(),
    };
    walk.entry(Path::new("."), &top)?;
    // A list of what is left instead of recursion: the depth is somebody else's choice.
    let mut left = vec![PathBuf::new()];
    while let Some(relative) = left.pop() {
        for name in names(&path.join(&relative))? {
            if relative.as_os_str().is_empty() {
                walk.seen.note(Some(&name));
            }
            let child = relative.join(&name);
            let whole = path.join(&child);
            let metadata =
                fs::symlink_metadata(&whole).map_err(|source| read_error(&whole, source))?;
            walk.entry(&child, &metadata)?;
            if metadata.is_dir() && metadata.dev() == walk.device {
                left.push(child);
            }
        }
    }
    if !walk.seen.0 {
        return Err(ImportError::NoRoot {
            path: path.to_owned(),
        });
    }
    walk.builder.finish().map_err(ImportError::Spool)?;
    Ok(walk.imported)
}

fn read_error(path: &Path, source: io::Error) -> ImportError {
    ImportError::Read {
        path: path.to_owned(),
        source,
    }
}

fn names(folder: &Path) -> Result<Vec<OsString>, ImportError> {
    let fail = |source| read_error(folder, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        names.push(entry.map_err(fail)?.file_name());
    }
    names.sort();
    Ok(names)
}

struct Walk<'a> {
    top: PathBuf,
    device: u64,
    builder: tar::Builder<&'a mut dyn Write>,
    imported: Imported,
    /// Files with several names: where the first one was.
    links: HashMap<u64, PathBuf>,
    seen: RootSeen,
}

impl Walk<'_> {
    fn entry(&mut self, name: &Path, metadata: &Metadata) -> Result<(), ImportError> {
        let path = self.top.join(name);
        let kind = metadata.file_type();
        if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
            let nodes = &mut self.imported.left_out.nodes;
            *nodes = nodes.saturating_add(1);
            return Ok(());
        }
        let mut header = header(metadata);
        if metadata.is_dir() {
            if metadata.dev() != self.device {
                let mounts = &mut self.imported.left_out.mounts;
                *mounts = mounts.saturating_add(1);
            }
            header.set_entry_type(EntryType::Directory);
            self.xattrs(&path)?;
            let appended = self.builder.append_data(&mut header, name, io::empty());
            appended.map_err(ImportError::Spool)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(|source| read_error(&path, source))?;
            header.set_entry_type(EntryType::Symlink);
            let appended = self.builder.append_link(&mut header, name, target);
            appended.map_err(ImportError::Spool)?;
        } else if let Some(first) = self.first_name(name, metadata) {
            header.set_entry_type(EntryType::Link);
            let appended = self.builder.append_link(&mut header, name, first);
            appended.map_err(ImportError::Spool)?;
        } else if kind.is_fifo() {
            header.set_entry_type(EntryType::Fifo);
            let appended = self.builder.append_data(&mut header, name, io::empty());
            appended.map_err(ImportError::Spool)?;
        } else {
            self.file(&path, name, header, metadata)?;
        }
        let entries = &mut self.imported.measure.entries;
        *entries = entries.saturating_add(1);
        Ok(())
    }

    /// The name under which a file with several names was seen first, if it was.
    fn first_name(&mut self, name: &Path, metadata: &Metadata) -> Option<PathBuf> {
        if metadata.nlink() < 2 || metadata.dev() != self.device {
            return None;
        }
        let known = self.links.get(&metadata.ino()).cloned();
        if known.is_none() {
            self.links.insert(metadata.ino(), name.to_owned());
        }
        known
    }

    fn file(
        &mut self,
        path: &Path,
        name: &Path,
        mut header: tar::Header,
        metadata: &Metadata,
    ) -> Result<(), ImportError> {
        let fail = |source| read_error(path, source);
        let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let file = File::options()
            .read(true)
            .custom_flags(nofollow)
            .open(path)
            .map_err(fail)?;
        self.xattrs(path)?;
        let size = metadata.len();
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        // A file that shrinks meanwhile would shift all that follows.
        let exact = file.take(size).chain(io::repeat(0)).take(size);
        let appended = self.builder.append_data(&mut header, name, exact);
        appended.map_err(ImportError::Spool)?;
        let bytes = &mut self.imported.measure.bytes;
        *bytes = bytes.saturating_add(size);
        Ok(())
    }

    /// Writes the attributes of `path` that a root may have, for the entry that follows.
    fn xattrs(&mut self, path: &Path) -> Result<(), ImportError> {
        let fail = |error: os_sys::SysError| {
            let errno = error.errno().map(io::Error::from_raw_os_error);
            read_error(path, errno.unwrap_or_else(|| io::Error::other(error)))
        };
        let mut found = Vec::new();
        for name in os_sys::list_xattrs(path).map_err(fail)? {
            if let Some(value) = os_sys::read_xattr(path, &name).map_err(fail)? {
                found.push((name, value));
            }
        }
        let all = found.len();
        let kept = attributes::for_image(found);
        let left_out = all.saturating_sub(kept.len()) as u64;
        let xattrs = &mut self.imported.left_out.xattrs;
        *xattrs = xattrs.saturating_add(left_out);
        attributes::write(&mut self.builder, &kept).map_err(ImportError::Spool)
    }
}

fn header(metadata: &Metadata) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(metadata.mode() & 0o7777);
    header.set_uid(u64::from(metadata.uid()));
    header.set_gid(u64::from(metadata.gid()));
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    header
}
