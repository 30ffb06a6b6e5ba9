//! Whole files, directories and symlinks that appear and disappear atomically and durably.

mod temporary;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Action, FileError};
use crate::folder::{Entry, Folder};
pub use temporary::TEMPORARY_PREFIX;
use temporary::is_temporary;
pub(crate) use temporary::{Temporary, set_attributes};

/// The largest file [`read`] takes: no file of osctl comes near, so what exceeds it is damage.
pub const READ_LIMIT: u64 = 64 * 1024 * 1024;

/// Mode and owner of a file or directory; the process umask has no say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, such as `0o400`.
    pub mode: u32,
    /// The owner; None leaves what the creating process gives.
    pub owner: Option<Owner>,
}

/// User and group that own a file, as ids of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Attributes {
    /// This mode, owned by the user of the process.
    pub const fn mode(mode: u32) -> Self {
        Self { mode, owner: None }
    }

    /// The same mode, owned by `uid` and `gid`.
    #[must_use]
    pub const fn owned_by(self, uid: u32, gid: u32) -> Self {
        Self {
            owner: Some(Owner { uid, gid }),
            ..self
        }
    }

    fn hold_for(self, file: &std::fs::Metadata) -> bool {
        let owned = |owner: Owner| owner.uid == file.uid() && owner.gid == file.gid();
        file.mode() & 0o7777 == self.mode & 0o7777 && self.owner.is_none_or(owned)
    }
}

/// What an operation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Everything was as wanted (and is durable now, should it not have been).
    Unchanged,
    /// The name did not exist before.
    Created,
    /// The name existed with other content, mode or owner.
    Updated,
    /// The name does not exist any more.
    Removed,
}

/// Gives `path` this content, mode and owner, or leaves it exactly as it was.
///
/// A symlink at `path` is replaced, not followed.
///
/// # Errors
/// [`FileError`] naming the action; the old content is in place unless the action is
/// [`Action::Sync`] on the directory, after which the new one is, though maybe not durably.
///
/// # Blocking
/// Waits for the disk.
pub fn replace(path: &Path, content: &[u8], attributes: Attributes) -> Result<Change, FileError> {
    let entry = Entry::locate(path)?;
    let existing = present(&entry)?;
    if let Present::File(file) = &existing
        && is_same(&entry, file, content, attributes)?
    {
        // A process killed between rename and sync leaves content that is right but not yet
        // durable; repeating the operation has to end in the durable state.
        file.sync_all()
            .map_err(|error| entry.error(Action::Sync, error))?;
        entry.folder.sync()?;
        return Ok(Change::Unchanged);
    }
    Temporary::file(&entry, content, attributes)?.put_in_place()?;
    Ok(existing.change())
}

/// Makes `path` a symlink to `target`; whatever non-directory was there is replaced.
pub fn symlink(path: &Path, target: &Path) -> Result<Change, FileError> {
    let entry = Entry::locate(path)?;
    let existing = match rustix::fs::readlinkat(&entry.folder.fd, &entry.name, Vec::new()) {
        Ok(current) if current.as_bytes() == target.as_os_str().as_bytes() => {
            entry.folder.sync()?;
            return Ok(Change::Unchanged);
        }
        Err(Errno::NOENT) => Change::Created,
        // EINVAL: not a symlink.
        Ok(_) | Err(Errno::INVAL) => Change::Updated,
        Err(error) => return Err(entry.error(Action::Read, error)),
    };
    Temporary::symlink(&entry, target)?.put_in_place()?;
    Ok(existing)
}

/// Removes the file or symlink `path`; an absent one is fine, a directory is an error.
pub fn remove(path: &Path) -> Result<Change, FileError> {
    unlink(path, AtFlags::empty())
}

/// Removes the empty directory `path`; an absent one is fine.
pub fn remove_dir(path: &Path) -> Result<Change, FileError> {
    unlink(path, AtFlags::REMOVEDIR)
}

fn unlink(path: &Path, flags: AtFlags) -> Result<Change, FileError> {
    let entry = Entry::locate(path)?;
    let change = match rustix::fs::unlinkat(&entry.folder.fd, &entry.name, flags) {
        Ok(()) => Change::Removed,
        Err(Errno::NOENT) => Change::Unchanged,
        Err(error) => return Err(entry.error(Action::Remove, error)),
    };
    entry.folder.sync()?;
    Ok(change)
}

/// Makes the directory `path` exist with exactly this mode and owner; its parent must exist.
///
/// # Errors
/// [`Action::Open`] if something else than a directory (a symlink included) has the name.
pub fn create_dir(path: &Path, attributes: Attributes) -> Result<Change, FileError> {
    let entry = Entry::locate(path)?;
    // Closed until mode and owner are set.
    let created = match rustix::fs::mkdirat(&entry.folder.fd, &entry.name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(entry.error(Action::Create, error)),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(&entry.folder.fd, &entry.name, flags, Mode::empty())
        .map_err(|error| entry.error(Action::Open, error))?;
    let folder = File::from(fd);
    let metadata = folder
        .metadata()
        .map_err(|error| entry.error(Action::Read, error))?;
    let right = attributes.hold_for(&metadata);
    if !right {
        set_attributes(&folder, attributes)
            .map_err(|error| entry.error(Action::SetAttributes, error))?;
    }
    // A new directory that has been given nothing since is durable with its name.
    if !(created && right) {
        folder
            .sync_all()
            .map_err(|error| entry.error(Action::Sync, error))?;
    }
    entry.folder.sync()?;
    Ok(match (created, right) {
        (true, _) => Change::Created,
        (false, true) => Change::Unchanged,
        (false, false) => Change::Updated,
    })
}

/// Makes the directory `path` exist, and its missing ancestors, each with this mode and owner; what
/// exists already is left as it is.
pub fn create_dir_all(path: &Path, attributes: Attributes) -> Result<Change, FileError> {
    match rustix::fs::stat(path) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
            return Ok(Change::Unchanged);
        }
        Ok(_) => return Err(FileError::new(Action::Create, path, Errno::NOTDIR)),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(FileError::new(Action::Read, path, error)),
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        create_dir_all(parent, attributes)?;
    }
    create_dir(path, attributes)
}

/// Reads a whole regular file; None if it (or its directory) does not exist.
///
/// # Errors
/// A symlink, a non-regular file and one above [`READ_LIMIT`] are refused.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let file = match Entry::locate(path).and_then(|entry| entry.open(OFlags::RDONLY)) {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    let length = file
        .take(READ_LIMIT + 1)
        .read_to_end(&mut content)
        .map_err(|error| FileError::new(Action::Read, path, error))?;
    if length as u64 > READ_LIMIT {
        return Err(FileError::new(Action::Read, path, Errno::FBIG));
    }
    Ok(Some(content))
}

/// Like [`read`], for text; bytes that are not UTF-8 are an error.
pub fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        FileError::new(
            Action::Read,
            path,
            io::Error::new(io::ErrorKind::InvalidData, error),
        )
    })?;
    Ok(Some(text))
}

/// Removes the temporary files a crash left in `folder` (not below it); returns how many.
///
/// Safe beside running writers: a file whose writer lives is locked and stays.
pub fn sweep(folder: &Path) -> Result<usize, FileError> {
    let folder = Folder::open(folder)?;
    let fail = |action, error: Errno| FileError::new(action, folder.path(), error);
    let mut swept = 0;
    for entry in Dir::read_from(&folder.fd).map_err(|error| fail(Action::Read, error))? {
        let entry = entry.map_err(|error| fail(Action::Read, error))?;
        if !is_temporary(entry.file_name().to_bytes()) {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // Held over the unlink: a writer that has just created the file notices and starts again.
        let _locked = match rustix::fs::openat(&folder.fd, entry.file_name(), flags, Mode::empty())
        {
            Ok(fd) => {
                match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => {}
                    Err(Errno::WOULDBLOCK) => continue,
                    Err(error) => return Err(fail(Action::Lock, error)),
                }
                Some(fd)
            }
            Err(Errno::LOOP) => None, // a symlink
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(fail(Action::Open, error)),
        };
        match rustix::fs::unlinkat(&folder.fd, entry.file_name(), AtFlags::empty()) {
            Ok(()) => swept += 1,
            // EISDIR: a directory of that name is not ours.
            Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(error) => return Err(fail(Action::Remove, error)),
        }
    }
    if swept > 0 {
        folder.sync()?;
    }
    Ok(swept)
}

/// What has the target's name now.
enum Present {
    Nothing,
    File(File),
    /// A symlink or special file: replaced without being opened.
    Other,
}

impl Present {
    fn change(&self) -> Change {
        match self {
            Self::Nothing => Change::Created,
            Self::File(_) | Self::Other => Change::Updated,
        }
    }
}

fn present(entry: &Entry) -> Result<Present, FileError> {
    match entry.open(OFlags::RDONLY) {
        Ok(file) => Ok(Present::File(file)),
        Err(error) if error.is_not_found() => Ok(Present::Nothing),
        Err(error) if error.errno() == Some(Errno::LOOP) => Ok(Present::Other),
        Err(error) if error.source.kind() == io::ErrorKind::InvalidInput => Ok(Present::Other),
        Err(error) => Err(error),
    }
}

fn is_same(
    entry: &Entry,
    file: &File,
    content: &[u8],
    attributes: Attributes,
) -> Result<bool, FileError> {
    let fail = |error| entry.error(Action::Read, error);
    let metadata = file.metadata().map_err(fail)?;
    if metadata.len() != content.len() as u64 || !attributes.hold_for(&metadata) {
        return Ok(false);
    }
    let mut current = Vec::with_capacity(content.len());
    file.take(metadata.len() + 1)
        .read_to_end(&mut current)
        .map_err(fail)?;
    Ok(current == content)
}

#[cfg(test)]
mod tests;
