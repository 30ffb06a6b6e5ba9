//! A root in a directory of this host.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use super::root_writer::{RootWriter, nothing, unreadable};
use super::{ImportError, Imported};
use crate::entries::{Entry, Kind, Xattr};
use crate::unpack::{Limits, attributes};

/// Writes the root in the directory `path` to `out` as an uncompressed tar, in order of names. Other
/// file systems below it are left out.
///
/// Nothing is followed, not even while somebody else changes the directory: each file is opened in the
/// directory that was opened before, and is looked at when it is open.
///
/// # Errors
/// When something in it cannot be read.
pub fn folder(path: &Path, out: &mut dyn Write) -> Result<Imported, ImportError> {
    let fail = |errno| unreadable(path, errno);
    let top = rustix::fs::open(path, FOLDER, Mode::empty()).map_err(fail)?;
    let stat = rustix::fs::fstat(&top).map_err(fail)?;
    let mut walk = Walk {
        top: path,
        device: stat.st_dev,
        writer: RootWriter::new(path, out),
        links: HashMap::new(),
        path: Vec::new(),
    };
    walk.put(Kind::Folder, &stat, xattrs(top.as_fd()).map_err(fail)?)?;
    // Directories that are open, each with the names that are left in it, instead of recursion: the depth
    // is somebody else's choice.
    let mut open = vec![(names(&top).map_err(fail)?, top)];
    while let Some((left, at)) = open.last_mut() {
        let Some(name) = left.pop() else {
            open.pop();
            walk.path.pop();
            continue;
        };
        walk.path.push(name);
        match walk.entry(at.as_fd())? {
            Some(below) => {
                let names = names(&below).map_err(|errno| walk.fail(errno))?;
                open.push((names, below));
            }
            None => drop(walk.path.pop()),
        }
    }
    walk.writer.finish()
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A file may have become a fifo since: that must not wait for a writer.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

struct Walk<'a> {
    top: &'a Path,
    device: u64,
    writer: RootWriter<'a>,
    /// Files with several names: where the first one was.
    links: HashMap<u64, Vec<OsString>>,
    /// Where it is.
    path: Vec<OsString>,
}

impl Walk<'_> {
    fn fail(&self, source: impl Into<io::Error>) -> ImportError {
        let below: PathBuf = self.path.iter().collect();
        unreadable(&self.top.join(below), source)
    }

    /// Writes the entry of the path, whose name is in `at`. Returns a directory that has to be walked.
    fn entry(&mut self, at: BorrowedFd<'_>) -> Result<Option<OwnedFd>, ImportError> {
        let name = self.path.last().cloned().unwrap_or_default();
        if self.path.len() > Limits::default().depth {
            return Err(self.writer.refuse(name.as_bytes(), "lies too deep"));
        }
        let stat = rustix::fs::statat(at, &name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|errno| self.fail(errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => return self.folder(at, &name),
            FileType::RegularFile => self.file(at, &name, &stat)?,
            FileType::Symlink => {
                let link = rustix::fs::readlinkat(at, &name, Vec::new());
                let link = link.map_err(|errno| self.fail(errno))?;
                let mut entry = self.described(Kind::Symlink, &stat, Vec::new());
                entry.link = link.into_bytes();
                let path = self.path.clone();
                self.writer.add(&entry, &path, None, &mut nothing)?;
            }
            FileType::Fifo => self.put(Kind::Fifo, &stat, Vec::new())?,
            _ => self.put(Kind::Node, &stat, Vec::new())?,
        }
        Ok(None)
    }

    fn folder(&mut self, at: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OwnedFd>, ImportError> {
        let folder = rustix::fs::openat(at, name, FOLDER, Mode::empty());
        let folder = folder.map_err(|errno| self.fail(errno))?;
        let stat = rustix::fs::fstat(&folder).map_err(|errno| self.fail(errno))?;
        let xattrs = xattrs(folder.as_fd()).map_err(|errno| self.fail(errno))?;
        self.put(Kind::Folder, &stat, xattrs)?;
        if stat.st_dev != self.device {
            self.writer.leave_out_mount();
            return Ok(None);
        }
        Ok(Some(folder))
    }

    fn file(&mut self, at: BorrowedFd<'_>, name: &OsStr, seen: &Stat) -> Result<(), ImportError> {
        if seen.st_nlink > 1 && seen.st_dev == self.device {
            if let Some(first) = self.links.get(&seen.st_ino) {
                let entry = self.described(Kind::HardLink, seen, Vec::new());
                let path = self.path.clone();
                return self.writer.add(&entry, &path, Some(first), &mut nothing);
            }
            self.links.insert(seen.st_ino, self.path.clone());
        }
        let file = rustix::fs::openat(at, name, FILE, Mode::empty());
        let file = file.map_err(|errno| self.fail(errno))?;
        let stat = rustix::fs::fstat(&file).map_err(|errno| self.fail(errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.fail(io::Error::other("it changes while it is read")));
        }
        let xattrs = xattrs(file.as_fd()).map_err(|errno| self.fail(errno))?;
        let mut entry = self.described(Kind::File, &stat, xattrs);
        entry.size = u64::try_from(stat.st_size).unwrap_or(0);
        // A file that shrinks meanwhile would shift all that follows.
        let mut data = File::from(file).chain(io::repeat(0));
        let place = self.fail(io::Error::other(""));
        let path = self.path.clone();
        self.writer.add(&entry, &path, None, &mut |buffer| {
            data.read(buffer).map_err(|source| match &place {
                ImportError::Read { path, .. } => unreadable(path, source),
                _ => ImportError::Spool(source),
            })
        })
    }

    /// Writes an entry without data.
    fn put(&mut self, kind: Kind, stat: &Stat, xattrs: Xattrs) -> Result<(), ImportError> {
        let entry = self.described(kind, stat, xattrs);
        let path = self.path.clone();
        self.writer.add(&entry, &path, None, &mut nothing)
    }

    fn described(&self, kind: Kind, stat: &Stat, xattrs: Xattrs) -> Entry {
        let path: PathBuf = self.path.iter().collect();
        Entry {
            kind,
            path: path.into_os_string().into_vec(),
            link: Vec::new(),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid.into(),
            gid: stat.st_gid.into(),
            mtime: stat.st_mtime,
            xattrs,
            lost_xattrs: 0,
            size: 0,
        }
    }
}

type Xattrs = Vec<Xattr>;

fn xattrs(fd: BorrowedFd<'_>) -> rustix::io::Result<Xattrs> {
    attributes::read(fd)
}

/// The names in a directory, the first one last.
fn names(folder: &OwnedFd) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}
