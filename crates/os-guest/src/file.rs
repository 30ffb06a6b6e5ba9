//! One file of a guest's root, read and replaced without trusting anything in it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid};
use rustix::io::Errno;

/// Larger ones are not read: all that we edit are a few lines.
pub(crate) const LIMIT: u64 = 1 << 20;

/// Modes of a file that was not there.
const NEW_MODE: u32 = 0o644;

/// What a symlink as the last component means. It is never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// Nothing: a file takes its place. For files that are written as a whole.
    Replace,
    /// Somebody in the guest manages that file. For files of which we know a part.
    Leave,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edited {
    /// It says that already, or there is nothing to say.
    Unchanged,
    /// It was replaced.
    Written,
    /// The guest keeps its own, for this reason.
    Left(&'static str),
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("it is not a regular file")]
    NotRegular,
    #[error("it has more than {LIMIT} bytes")]
    TooLarge,
    #[error("it is not text")]
    NotText,
    #[error("cannot find its directory")]
    Folder(#[source] io::Error),
    #[error("cannot read it")]
    Read(#[source] io::Error),
    #[error("cannot write it")]
    Write(#[source] io::Error),
}

/// Number of attempts to resolve a path with `..` while mounts or renames on the host interfere.
const ATTEMPTS: usize = 100;

/// Opens a path of a root, which may neither leave it nor go through a link of procfs.
///
/// *Source*: `openat2(2)`, `RESOLVE_IN_ROOT`; there also: `EAGAIN`, if the kernel cannot tell whether
/// `..` has led out, for anything was mounted or renamed meanwhile.
pub(crate) fn open(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let open = || rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
    let mut attempts = std::iter::repeat_with(open).take(ATTEMPTS);
    let settled = attempts.find(|opened| !matches!(opened, Err(Errno::AGAIN)));
    settled.unwrap_or(Err(Errno::AGAIN))
}

/// Replaces a file by what `text` makes of it; `text` gets `None` if there is no such file, and
/// answers `None` if it is not to be touched.
///
/// `path` is relative to the root. Its directory has to be there.
pub(crate) fn edit(
    root: BorrowedFd<'_>,
    path: &str,
    links: Links,
    text: impl FnOnce(Option<&str>) -> Option<String>,
) -> Result<Edited, FileError> {
    let (folder, name) = folder_of(root, path)?;
    let (stat, before) = match look(&folder, name)? {
        Some(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if stat.st_mode & 0o200 == 0 => {
                return Ok(Edited::Left("its owner may not write it"));
            }
            FileType::RegularFile => (Some(stat), Some(read(&folder, name)?)),
            FileType::Symlink if links == Links::Replace => (None, None),
            FileType::Symlink => return Ok(Edited::Left("it is a symlink")),
            _ => return Err(FileError::NotRegular),
        },
        None => (None, None),
    };
    match text(before.as_deref()) {
        Some(after) if before.as_ref() != Some(&after) => {
            replace(&folder, name, stat.as_ref(), after.as_bytes())
                .map_err(|errno| FileError::Write(errno.into()))?;
            Ok(Edited::Written)
        }
        _ => Ok(Edited::Unchanged),
    }
}

/// Keeps the guest's own file beside the one of osctl that takes its place next: a link with another
/// name, so that the file is there all the time. `is_ours` tells ours by its text.
pub(crate) fn keep(
    root: BorrowedFd<'_>,
    path: &str,
    is_ours: impl FnOnce(&str) -> bool,
) -> Result<(), FileError> {
    let (folder, name) = folder_of(root, path)?;
    let found = look(&folder, name)?;
    let kind = found
        .as_ref()
        .map(|stat| FileType::from_raw_mode(stat.st_mode));
    match (&found, kind) {
        (Some(stat), Some(FileType::RegularFile)) => {
            if stat.st_mode & 0o200 == 0 || is_ours(&read(&folder, name)?) {
                return Ok(());
            }
        }
        (None, _) | (_, Some(FileType::Symlink)) => {}
        _ => return Err(FileError::NotRegular),
    }
    let kept = kept(name);
    let write = |errno: Errno| FileError::Write(errno.into());
    unlink(&folder, &kept).map_err(write)?;
    if found.is_some() {
        let linked = rustix::fs::linkat(&folder, name, &folder, &*kept, AtFlags::empty());
        linked.map_err(write)?;
    }
    Ok(())
}

/// Takes a file of osctl away: the guest's own takes its place, if [`keep`] has kept one.
pub(crate) fn put_back(
    root: BorrowedFd<'_>,
    path: &str,
    is_ours: impl FnOnce(&str) -> bool,
) -> Result<Edited, FileError> {
    let (folder, name) = folder_of(root, path)?;
    let kept = kept(name);
    let ours = match look(&folder, name)? {
        Some(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            if stat.st_mode & 0o200 == 0 {
                return Ok(Edited::Left("its owner may not write it"));
            }
            is_ours(&read(&folder, name)?)
        }
        _ => false,
    };
    let done = if ours {
        let renamed = rustix::fs::renameat(&folder, &*kept, &folder, name);
        // The guest had no such file.
        let removed = match renamed {
            Err(Errno::NOENT) => unlink(&folder, name),
            renamed => renamed,
        };
        removed.map(|()| Edited::Written)
    } else {
        // The guest has made a file of its own meanwhile.
        unlink(&folder, &kept).map(|()| Edited::Unchanged)
    };
    done.map_err(|errno| FileError::Write(errno.into()))
}

/// What the guest's own file is called while one of osctl has its name.
fn kept(name: &str) -> String {
    format!(".{name}.osctl-own")
}

fn folder_of<'a>(root: BorrowedFd<'_>, path: &'a str) -> Result<(OwnedFd, &'a str), FileError> {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let folder = open(root, folder, OFlags::PATH | OFlags::DIRECTORY);
    let folder = folder.map_err(|errno| FileError::Folder(errno.into()))?;
    Ok((folder, name))
}

/// Removes a name that may be gone already.
fn unlink(folder: &OwnedFd, name: &str) -> Result<(), Errno> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

fn look(folder: &OwnedFd, name: &str) -> Result<Option<Stat>, FileError> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(FileError::Read(errno.into())),
    }
}

/// Reads a regular file. It may have become something else since somebody looked: opening does not
/// wait for the other end of a pipe, and what it is now is looked at again.
fn read(folder: &OwnedFd, name: &str) -> Result<String, FileError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::openat(folder, name, flags, Mode::empty());
    let fd = fd.map_err(|errno| FileError::Read(errno.into()))?;
    let stat = rustix::fs::fstat(&fd).map_err(|errno| FileError::Read(errno.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::NotRegular);
    }
    let mut bytes = Vec::new();
    let mut limited = File::from(fd).take(LIMIT.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(FileError::Read)?;
    if bytes.len() as u64 > LIMIT {
        return Err(FileError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_binary| FileError::NotText)
}

/// A new file beside it takes its place: readers see the old one or the new one, and a link
/// planted under its name is replaced, not followed.
fn replace(folder: &OwnedFd, name: &str, old: Option<&Stat>, bytes: &[u8]) -> Result<(), Errno> {
    let beside = format!(".{name}.osctl-new");
    unlink(folder, &beside)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(folder, &*beside, flags, Mode::from_raw_mode(0o600))?;
    let written = fill(File::from(fd), old, bytes)
        .and_then(|()| rustix::fs::renameat(folder, &*beside, folder, name));
    if written.is_err() {
        // The first error tells more; the next edit removes what this one could not.
        rustix::fs::unlinkat(folder, &*beside, AtFlags::empty()).unwrap_or_default();
    }
    written
}

fn fill(mut file: File, old: Option<&Stat>, bytes: &[u8]) -> Result<(), Errno> {
    let errno = |error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    file.write_all(bytes).map_err(errno)?;
    let mode = old.map_or(NEW_MODE, |stat| stat.st_mode & 0o7777);
    let owner = old.map(|stat| (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid)));
    let own = rustix::fs::fstat(&file)?;
    if let Some((uid, gid)) = owner
        && (own.st_uid, own.st_gid) != (uid.as_raw(), gid.as_raw())
    {
        rustix::fs::fchown(&file, Some(uid), Some(gid))?;
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    // A machine that dies shortly after must not find an empty file under the name.
    rustix::fs::fsync(&file)
}

#[cfg(test)]
mod tests;
