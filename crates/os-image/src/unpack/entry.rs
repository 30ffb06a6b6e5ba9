//! One entry of a root.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::attributes;
use super::error::{UnpackError, printable};
use super::target::{Plain, Target, make_folder, may_be_linked, remove};
use super::{Limits, Report};
use crate::entries::{Entries, Entry, Kind};

/// The mode of the top of every root.
const ROOT_MODE: Mode = Mode::from_raw_mode(0o755);

/// What every kind of entry has.
pub(super) struct Common {
    name: String,
    uid: u64,
    gid: u64,
    mode: Mode,
    times: Timestamps,
    pub(super) path: Plain,
}

impl Common {
    /// What can be said of an entry before anything is written.
    pub(super) fn of(entry: &Entry, limits: &Limits) -> Result<Self, UnpackError> {
        let name = printable(&entry.path);
        let time = Timespec {
            tv_sec: entry.mtime,
            tv_nsec: 0,
        };
        Ok(Self {
            uid: entry.uid,
            gid: entry.gid,
            mode: Mode::from_raw_mode(entry.mode & 0o7777),
            times: Timestamps {
                last_access: time,
                last_modification: time,
            },
            path: plain(&entry.path, limits, &name)?,
            name,
        })
    }

    fn no_path(&self, why: &'static str) -> UnpackError {
        UnpackError::Path {
            entry: self.name.clone(),
            why,
        }
    }

    /// Where a hard link leads.
    pub(super) fn link(&self, entry: &Entry, limits: &Limits) -> Result<Plain, UnpackError> {
        plain(&entry.link, limits, &self.name).map_err(|_out| self.no_file(entry))
    }

    fn no_file(&self, entry: &Entry) -> UnpackError {
        UnpackError::Link {
            entry: self.name.clone(),
            link: printable(&entry.link),
        }
    }

    /// The root itself has to be a directory, and anything of a kind that is known.
    pub(super) fn check(&self, entry: &Entry) -> Result<(), UnpackError> {
        match entry.kind {
            Kind::Other(kind) => Err(UnpackError::Kind {
                entry: self.name.clone(),
                kind: char::from(kind),
            }),
            kind if self.path.split().is_none() && kind != Kind::Folder => {
                Err(self.no_path("is the root itself, but not a directory"))
            }
            Kind::Symlink if entry.link.is_empty() || entry.link.contains(&0) => {
                Err(self.no_path("is a symlink to nothing"))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, source: impl Into<io::Error>) -> UnpackError {
        UnpackError::Write {
            entry: self.name.clone(),
            source: source.into(),
        }
    }

    /// Gives what is at `name` its owner.
    fn own(&self, at: BorrowedFd<'_>, name: &OsStr) -> Result<(), UnpackError> {
        let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX);
        let owner = || UnpackError::Owner {
            entry: self.name.clone(),
            uid: self.uid,
            gid: self.gid,
        };
        let uid = Uid::from_raw(id(self.uid).ok_or_else(owner)?);
        let gid = Gid::from_raw(id(self.gid).ok_or_else(owner)?);
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        match rustix::fs::chownat(at, name, Some(uid), Some(gid), flags) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::OVERFLOW) => Err(owner()),
            Err(errno) => Err(self.write(errno)),
        }
    }
}

/// Unpacks one entry.
pub(super) fn unpack<R: Read>(
    entry: &Entry,
    entries: &mut Entries<R>,
    target: &mut Target<'_>,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), UnpackError> {
    let common = Common::of(entry, limits)?;
    common.check(entry)?;
    let Some((name, above)) = common.path.split() else {
        return root_itself(entry, &common, target, report);
    };
    if entry.kind == Kind::Node {
        report.skipped_nodes = report.skipped_nodes.saturating_add(1);
        return Ok(());
    }
    let at = target
        .folder(above)
        .map_err(|error| match error.raw_os_error() {
            // ENOTDIR and ELOOP: a component is a symlink or a file.
            Some(20 | 40) => {
                common.no_path("is below something that is not a directory of the root")
            }
            _ => common.write(error),
        })?;
    let at = at.as_fd();
    match entry.kind {
        Kind::Folder => folder(entry, &common, at, name, report)
            .map(|()| target.later(&common.path, common.times.clone())),
        Kind::File => file(entry, entries, &common, at, name, (limits, report)),
        Kind::Symlink => symlink(entry, &common, at, name),
        Kind::HardLink => {
            target.forget();
            link(entry, &common, target, at, name, limits)
        }
        Kind::Fifo => fifo(&common, at, name),
        // Both were dealt with above.
        Kind::Node | Kind::Other(_) => Ok(()),
    }
}

fn plain(bytes: &[u8], limits: &Limits, name: &str) -> Result<Plain, UnpackError> {
    let parsed = if bytes.len() > limits.path {
        Err("has a path that is too long")
    } else {
        Plain::parse(bytes, limits.depth)
    };
    parsed.map_err(|why| UnpackError::Path {
        entry: name.to_owned(),
        why,
    })
}

/// Makes place for an entry: the last one of a name counts. Directories stay, for they have been filled.
fn clear(common: &Common, at: BorrowedFd<'_>, name: &OsStr) -> Result<(), UnpackError> {
    remove(at, name).map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory => common.no_path("replaces a directory"),
        _ => common.write(error),
    })
}

/// `./`: owner and times of the root directory.
fn root_itself(
    entry: &Entry,
    common: &Common,
    target: &mut Target<'_>,
    report: &mut Report,
) -> Result<(), UnpackError> {
    let root = target.root();
    common.own(root, OsStr::new(""))?;
    let xattrs = attributes::apply(entry, root, report);
    xattrs.map_err(|error| common.write(error))?;
    // Its mode is ours: an image cannot open the top of a root to everybody.
    rustix::fs::fchmod(root, ROOT_MODE).map_err(|errno| common.write(errno))?;
    target.later(&common.path, common.times.clone());
    Ok(())
}

fn folder(
    entry: &Entry,
    common: &Common,
    at: BorrowedFd<'_>,
    name: &OsStr,
    report: &mut Report,
) -> Result<(), UnpackError> {
    let folder = make_folder(at, name).map_err(|error| common.write(error))?;
    common.own(folder.as_fd(), OsStr::new(""))?;
    let xattrs = attributes::apply(entry, folder.as_fd(), report);
    xattrs.map_err(|error| common.write(error))?;
    rustix::fs::fchmod(&folder, common.mode).map_err(|errno| common.write(errno))
}

fn file<R: Read>(
    entry: &Entry,
    entries: &mut Entries<R>,
    common: &Common,
    at: BorrowedFd<'_>,
    name: &OsStr,
    (limits, report): (&Limits, &mut Report),
) -> Result<(), UnpackError> {
    clear(common, at, name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(at, name, flags, Mode::from_raw_mode(0o600));
    let mut file = File::from(file.map_err(|errno| common.write(errno))?);
    copy(entries, &mut file, common, limits, report)?;
    // The owner first: giving a file away clears setuid bits and capabilities.
    common.own(file.as_fd(), OsStr::new(""))?;
    let xattrs = attributes::apply(entry, file.as_fd(), report);
    xattrs.map_err(|error| common.write(error))?;
    rustix::fs::fchmod(&file, common.mode).map_err(|errno| common.write(errno))?;
    rustix::fs::futimens(&file, &common.times).map_err(|errno| common.write(errno))
}

/// Copies the data of a file; counts what comes, not what a header says. Long runs of zeros become
/// holes, so that a sparse file is sparse again, and a bomb of zeros fills no pool.
fn copy<R: Read>(
    entries: &mut Entries<R>,
    file: &mut File,
    common: &Common,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), UnpackError> {
    let fail = |error| common.write(error);
    let mut buffer = vec![0_u8; 64 << 10];
    let (mut length, mut ends_in_hole) = (0_u64, false);
    loop {
        let bytes = match entries.read(&mut buffer)? {
            0 => break,
            read => buffer.get(..read).unwrap_or_default(),
        };
        let read = bytes.len() as u64;
        report.bytes = report.bytes.saturating_add(read);
        if report.bytes > limits.bytes {
            return Err(UnpackError::TooLarge(limits.bytes));
        }
        length = length.saturating_add(read);
        ends_in_hole = read >= HOLE && bytes.iter().all(|byte| *byte == 0);
        if ends_in_hole {
            file.seek(SeekFrom::Start(length)).map_err(fail)?;
        } else {
            file.write_all(bytes).map_err(fail)?;
        }
    }
    if ends_in_hole {
        file.set_len(length).map_err(fail)?;
    }
    Ok(())
}

/// Runs of zeros that are shorter are written, bytes.
const HOLE: u64 = 4096;

fn symlink(
    entry: &Entry,
    common: &Common,
    at: BorrowedFd<'_>,
    name: &OsStr,
) -> Result<(), UnpackError> {
    clear(common, at, name)?;
    rustix::fs::symlinkat(OsStr::from_bytes(&entry.link), at, name)
        .map_err(|errno| common.write(errno))?;
    common.own(at, name)?;
    rustix::fs::utimensat(at, name, &common.times, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| common.write(errno))
}

fn link(
    entry: &Entry,
    common: &Common,
    target: &Target<'_>,
    at: BorrowedFd<'_>,
    name: &OsStr,
    limits: &Limits,
) -> Result<(), UnpackError> {
    let path = common.link(entry, limits)?;
    let no_file = || common.no_file(entry);
    let (other, above) = path.split().ok_or_else(no_file)?;
    let folder = target.existing(above).map_err(|_missing| no_file())?;
    if !may_be_linked(folder.as_fd(), other).unwrap_or(false) {
        return Err(no_file());
    }
    if path == common.path {
        return Ok(());
    }
    clear(common, at, name)?;
    rustix::fs::linkat(&folder, other, at, name, AtFlags::empty())
        .map_err(|errno| common.write(errno))
}

fn fifo(common: &Common, at: BorrowedFd<'_>, name: &OsStr) -> Result<(), UnpackError> {
    clear(common, at, name)?;
    rustix::fs::mknodat(at, name, FileType::Fifo, common.mode, 0)
        .map_err(|errno| common.write(errno))?;
    common.own(at, name)?;
    rustix::fs::chmodat(at, name, common.mode, AtFlags::empty())
        .map_err(|errno| common.write(errno))?;
    rustix::fs::utimensat(at, name, &common.times, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| common.write(errno))
}
