//! Mounting and unmounting by path.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
};

use crate::SysError;

/// Whether a mount may be written through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads only.
    ReadOnly,
    /// Reads and writes.
    ReadWrite,
}

/// Mounts a file system, always nosuid, nodev and noatime: there is no caller that may have the
/// first two, and with the third reading a file is not a change of its dataset.
///
/// `options` is the comma-separated option string of the file system itself (mount(2) `data`), for
/// example `rescue=nologreplay`.
pub fn mount_filesystem(
    source: &Path,
    target: &Path,
    fstype: &str,
    access: Access,
    options: &str,
) -> Result<(), SysError> {
    let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    if access == Access::ReadOnly {
        flags |= MountFlags::RDONLY;
    }
    let object = || format!("{} at {}", source.display(), target.display());
    let data = CString::new(options).map_err(|e| SysError::new("mount", object(), e))?;
    let data = (!options.is_empty()).then_some(data.as_c_str());
    rustix::mount::mount(source, target, fstype, flags, data)
        .map_err(|e| SysError::new("mount", object(), e))
}

/// Binds a directory at another place, nosuid, nodev and noatime.
///
/// Two system calls, since mount(2) ignores flags at the bind itself; if the second fails the bind
/// is taken back. *Source*: mount(2), "Creating a bind mount".
pub fn bind_mount(source: &Path, target: &Path) -> Result<(), SysError> {
    let object = || format!("{} at {}", source.display(), target.display());
    rustix::mount::mount_bind(source, target).map_err(|e| SysError::new("bind", object(), e))?;
    let flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    match rustix::mount::mount_remount(target, flags, "") {
        Ok(()) => Ok(()),
        Err(e) => {
            unmount(target)?;
            Err(SysError::new("restrict bind of", object(), e))
        }
    }
}

/// A file system that is mounted read-only at no place: only this process can access it, no other
/// mount namespace gets a copy, and it is gone when this is dropped or the
/// process ends, however it ends.
#[derive(Debug)]
pub struct ReadOnlyView(OwnedFd);

impl ReadOnlyView {
    /// Mounts with a string option of the file system itself, for example `("rescue", "nologreplay")`.
    ///
    /// *Errors*: `EINVAL` if there is no such file system on the device. *Source*: fsopen(2),
    /// fsmount(2).
    pub fn mount(source: &Path, fstype: &str, option: (&str, &str)) -> Result<Self, SysError> {
        let mount = || {
            let context = fsopen(fstype, FsOpenFlags::FSOPEN_CLOEXEC)?;
            fsconfig_set_string(&context, "source", source)?;
            fsconfig_set_string(&context, option.0, option.1)?;
            fsconfig_set_flag(&context, "ro")?;
            fsconfig_create(&context)?;
            let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
                | MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOATIME;
            fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        };
        mount()
            .map(Self)
            .map_err(|e| SysError::path("look into", source, io::Error::from(e)))
    }

    /// Its root, for this process: `/proc/self/fd/7/.`. With the dot it is a directory also for callers
    /// that follow no symlink.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/.", self.0.as_raw_fd()))
    }
}

/// Unmounts what is mounted at a path; never lazily, never following a symlink at the end.
///
/// *Errors*: `EBUSY` (see [`SysError::errno`]) if something still uses it; `EINVAL` if nothing is
/// mounted there.
pub fn unmount(target: &Path) -> Result<(), SysError> {
    rustix::mount::unmount(target, UnmountFlags::NOFOLLOW)
        .map_err(|e| SysError::path("unmount", target, io::Error::from(e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MountTable;

    #[test]
    fn root_bind_is_nosuid_nodev_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::create_dir(&a).unwrap();
        std::fs::create_dir(&b).unwrap();
        bind_mount(&a, &b).unwrap();
        let table = MountTable::read().unwrap();
        let entry = table.at(&b).unwrap().clone();
        unmount(&b).unwrap();
        assert!(entry.has_option("nosuid") && entry.has_option("nodev"));
        assert!(MountTable::read().unwrap().at(&b).is_none());
        assert_eq!(unmount(&b).unwrap_err().errno(), Some(libc::EINVAL));
    }
}
