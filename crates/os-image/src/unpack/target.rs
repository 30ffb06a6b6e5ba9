//! The directory that is unpacked into, and finding one's way in it without following anything.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timestamps};
use rustix::io::Errno;

use super::error::{UnpackError, printable};

/// A path of an archive, taken apart: only plain components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    /// The directories above, then the name; empty for the root itself.
    components: Vec<OsString>,
}

impl Plain {
    /// The path `bytes`. A leading `/` or `./` is as if it were not there, as tar(1) does it.
    pub(super) fn parse(bytes: &[u8], depth: usize) -> Result<Self, &'static str> {
        let mut components = Vec::new();
        for part in bytes.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err("has .. in its path"),
                part if part.contains(&0) => return Err("has a zero byte in its path"),
                part if part.len() > 255 => return Err("has a name of more than 255 bytes"),
                part => components.push(OsStr::from_bytes(part).to_owned()),
            }
        }
        if components.len() > depth {
            return Err("lies too deep");
        }
        Ok(Self { components })
    }

    pub(super) fn into_components(self) -> Vec<OsString> {
        self.components
    }

    /// The name and the directories above; `None` for the root itself.
    pub(super) fn split(&self) -> Option<(&OsStr, &[OsString])> {
        let (name, above) = self.components.split_last()?;
        Some((name, above))
    }
}

/// The directory that is unpacked into.
#[derive(Debug)]
pub(super) struct Target<'a> {
    root: BorrowedFd<'a>,
    /// The directory of the last entry: the next one is mostly there too.
    last: Option<(Vec<OsString>, OwnedFd)>,
    /// Times of directories: unpacking into them changes these, so they come at the end.
    times: Vec<(PathBuf, Timestamps)>,
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl<'a> Target<'a> {
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self {
            root,
            last: None,
            times: Vec::new(),
        }
    }

    /// The root's own descriptor.
    pub(super) fn root(&self) -> BorrowedFd<'a> {
        self.root
    }

    /// The directory `path`, made where it is missing. A symlink on the way is an error.
    pub(super) fn folder(&mut self, path: &[OsString]) -> io::Result<OwnedFd> {
        if let Some((known, fd)) = &self.last
            && known == path
        {
            return fd.try_clone();
        }
        let mut at = self.root.try_clone_to_owned()?;
        for name in path {
            at = match rustix::fs::openat(&at, name, FOLDER, Mode::empty()) {
                Ok(fd) => fd,
                Err(Errno::NOENT) => make_folder(at.as_fd(), name)?,
                Err(errno) => return Err(errno.into()),
            };
        }
        self.last = Some((path.to_vec(), at.try_clone()?));
        Ok(at)
    }

    /// The directory `path` if it is there.
    pub(super) fn existing(&self, path: &[OsString]) -> io::Result<OwnedFd> {
        let mut at = self.root.try_clone_to_owned()?;
        for name in path {
            at = rustix::fs::openat(&at, name, FOLDER, Mode::empty())?;
        }
        Ok(at)
    }

    /// Sets the times of a directory at the end.
    pub(super) fn later(&mut self, path: &Plain, times: Timestamps) {
        self.times.push((path.components.iter().collect(), times));
    }

    /// Forgets the directory it remembers: something may have taken its place.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// Sets the times of directories, the deepest first.
    pub(super) fn finish(mut self) -> Result<(), UnpackError> {
        for (path, times) in std::mem::take(&mut self.times).into_iter().rev() {
            let components: Vec<OsString> = path.iter().map(ToOwned::to_owned).collect();
            // Something later in the archive may have replaced the directory: then it has no times.
            let Ok(folder) = self.existing(&components) else {
                continue;
            };
            rustix::fs::futimens(&folder, &times).map_err(|errno| UnpackError::Write {
                entry: printable(path.as_os_str().as_bytes()),
                source: errno.into(),
            })?;
        }
        Ok(())
    }
}

/// Makes a directory, or opens it if it is there; anything else by that name is removed.
pub(super) fn make_folder(at: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    match rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    match rustix::fs::openat(at, name, FOLDER, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => {
            remove(at, name)?;
            rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o755))?;
            Ok(rustix::fs::openat(at, name, FOLDER, Mode::empty())?)
        }
        opened => Ok(opened?),
    }
}

/// Removes an entry that is not a directory. An archive may have an entry twice; the last one counts.
pub(super) fn remove(at: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether `name` is a file or a symlink, which a hard link may lead to.
pub(super) fn may_be_linked(at: BorrowedFd<'_>, name: &OsStr) -> io::Result<bool> {
    let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    Ok(matches!(
        kind,
        FileType::RegularFile | FileType::Symlink | FileType::Fifo
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let plain = Plain::parse(b"./usr//bin/ls", 10).unwrap();
        let (name, above) = plain.split().unwrap();
        assert_eq!(name, "ls");
        assert_eq!(above, ["usr", "bin"]);
        assert_eq!(Plain::parse(b"./", 10).unwrap().split(), None);
        assert_eq!(
            Plain::parse(b"/etc", 10).unwrap(),
            Plain::parse(b"etc", 10).unwrap()
        );
        for bad in [&b"../x"[..], b"a/../b", b"..", b"a/b/c/d", b"a\0b"] {
            Plain::parse(bad, 3).unwrap_err();
        }
    }
}
