//! One entry of a root.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use tar::EntryType;

use super::attributes;
use super::error::{UnpackError, printable};
use super::target::{Plain, Target, make_folder, may_be_linked, remove};
use super::{Limits, Report};

/// What every kind of entry has.
struct Common {
    name: String,
    uid: u64,
    gid: u64,
    mode: Mode,
    times: Timestamps,
}

impl Common {
    fn of<R: Read>(entry: &tar::Entry<'_, R>) -> Result<Self, UnpackError> {
        let header = entry.header();
        let name = printable(&entry.path_bytes());
        let number = |value: io::Result<u64>| value.map_err(UnpackError::Archive);
        let mode = header.mode().map_err(UnpackError::Archive)?;
        let seconds = number(header.mtime())?;
        let time = Timespec {
            tv_sec: i64::try_from(seconds).unwrap_or(0),
            tv_nsec: 0,
        };
        Ok(Self {
            uid: number(header.uid())?,
            gid: number(header.gid())?,
            mode: Mode::from_raw_mode(mode & 0o7777),
            times: Timestamps {
                last_access: time,
                last_modification: time,
            },
            name,
        })
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
    entry: &mut tar::Entry<'_, R>,
    target: &mut Target<'_>,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), UnpackError> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(());
    }
    let common = Common::of(entry)?;
    let path = plain(&entry.path_bytes(), limits, &common.name)?;
    let Some((name, above)) = path.split() else {
        return root_itself(entry, &common, target, &path, report);
    };
    if matches!(kind, EntryType::Char | EntryType::Block) {
        report.skipped_nodes = report.skipped_nodes.saturating_add(1);
        return Ok(());
    }
    let at = target
        .folder(above)
        .map_err(|error| match error.raw_os_error() {
            // ENOTDIR and ELOOP: a component is a symlink or a file.
            Some(20 | 40) => UnpackError::Path {
                entry: common.name.clone(),
                why: "lies below something that is no folder of the root",
            },
            _ => common.write(error),
        })?;
    let at = at.as_fd();
    match kind {
        EntryType::Directory => folder(entry, &common, at, name, report)
            .map(|()| target.later(&path, common.times.clone())),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            file(entry, &common, at, name, limits, report)
        }
        EntryType::Symlink => symlink(entry, &common, at, name),
        EntryType::Link => {
            target.forget();
            link(entry, &common, target, at, name, limits)
        }
        EntryType::Fifo => fifo(&common, at, name),
        other => Err(UnpackError::Kind {
            entry: common.name,
            kind: char::from(other.as_byte()),
        }),
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

/// `./`: owner, mode and times of the root folder.
fn root_itself<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    common: &Common,
    target: &mut Target<'_>,
    path: &Plain,
    report: &mut Report,
) -> Result<(), UnpackError> {
    if entry.header().entry_type() != EntryType::Directory {
        return Err(UnpackError::Path {
            entry: common.name.clone(),
            why: "is the root itself, but no folder",
        });
    }
    let root = target.root();
    common.own(root, OsStr::new(""))?;
    let xattrs = attributes::apply(entry, root, report);
    xattrs.map_err(|error| common.write(error))?;
    rustix::fs::fchmod(root, common.mode).map_err(|errno| common.write(errno))?;
    target.later(path, common.times.clone());
    Ok(())
}

fn folder<R: Read>(
    entry: &mut tar::Entry<'_, R>,
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
    entry: &mut tar::Entry<'_, R>,
    common: &Common,
    at: BorrowedFd<'_>,
    name: &OsStr,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), UnpackError> {
    remove(at, name).map_err(|error| common.write(error))?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(at, name, flags, Mode::from_raw_mode(0o600));
    let mut file = File::from(file.map_err(|errno| common.write(errno))?);
    copy(entry, &mut file, common, limits, report)?;
    // The owner first: giving a file away clears setuid bits and capabilities.
    common.own(file.as_fd(), OsStr::new(""))?;
    let xattrs = attributes::apply(entry, file.as_fd(), report);
    xattrs.map_err(|error| common.write(error))?;
    rustix::fs::fchmod(&file, common.mode).map_err(|errno| common.write(errno))?;
    rustix::fs::futimens(&file, &common.times).map_err(|errno| common.write(errno))
}

/// Copies the data of a file; counts what comes, not what a header says.
fn copy<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    file: &mut File,
    common: &Common,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), UnpackError> {
    let mut buffer = vec![0_u8; 256 << 10];
    loop {
        let read = match entry.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UnpackError::Archive(error)),
        };
        report.bytes = report.bytes.saturating_add(read as u64);
        if report.bytes > limits.bytes {
            return Err(UnpackError::TooLarge(limits.bytes));
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        file.write_all(bytes).map_err(|error| common.write(error))?;
    }
}

fn symlink<R: Read>(
    entry: &tar::Entry<'_, R>,
    common: &Common,
    at: BorrowedFd<'_>,
    name: &OsStr,
) -> Result<(), UnpackError> {
    let link = entry.link_name_bytes().unwrap_or_default();
    remove(at, name).map_err(|error| common.write(error))?;
    rustix::fs::symlinkat(OsStr::from_bytes(&link), at, name)
        .map_err(|errno| common.write(errno))?;
    common.own(at, name)?;
    rustix::fs::utimensat(at, name, &common.times, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| common.write(errno))
}

fn link<R: Read>(
    entry: &tar::Entry<'_, R>,
    common: &Common,
    target: &Target<'_>,
    at: BorrowedFd<'_>,
    name: &OsStr,
    limits: &Limits,
) -> Result<(), UnpackError> {
    let leads_to = entry.link_name_bytes().unwrap_or_default();
    let no_file = || UnpackError::Link {
        entry: common.name.clone(),
        link: printable(&leads_to),
    };
    let path = plain(&leads_to, limits, &common.name).map_err(|_out| no_file())?;
    let (other, above) = path.split().ok_or_else(no_file)?;
    let folder = target.existing(above).map_err(|_missing| no_file())?;
    if !may_be_linked(folder.as_fd(), other).unwrap_or(false) {
        return Err(no_file());
    }
    if path == plain(&entry.path_bytes(), limits, &common.name)? {
        return Ok(());
    }
    remove(at, name).map_err(|error| common.write(error))?;
    rustix::fs::linkat(&folder, other, at, name, AtFlags::empty())
        .map_err(|errno| common.write(errno))
}

fn fifo(common: &Common, at: BorrowedFd<'_>, name: &OsStr) -> Result<(), UnpackError> {
    remove(at, name).map_err(|error| common.write(error))?;
    rustix::fs::mknodat(at, name, FileType::Fifo, common.mode, 0)
        .map_err(|errno| common.write(errno))?;
    common.own(at, name)?;
    rustix::fs::chmodat(at, name, common.mode, AtFlags::empty())
        .map_err(|errno| common.write(errno))?;
    rustix::fs::utimensat(at, name, &common.times, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| common.write(errno))
}
