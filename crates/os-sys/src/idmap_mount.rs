//! A mount that is attached nowhere yet, and what it is given on the way: other ids, other flags.

mod namespace;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

use crate::SysError;

pub use self::namespace::{enter_user_namespace, user_namespace};

/// A copy of a mount, or of the part of it below a directory or file.
///
/// It is attached nowhere: dropping it lets go of the file system. *Source*: `open_tree(2)`.
#[derive(Debug)]
pub struct DetachedMount {
    fd: OwnedFd,
    /// What it is a copy of, for errors.
    origin: String,
}

/// What the mount restricts, as on the command line of mount(8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountUse {
    /// The root of a guest: setuid programs and executables are as the file system has them, whatever
    /// the mount that was copied refuses. No devices: a guest has those that LXC gives it, and none
    /// that a stream or a hand has put into its root.
    Guest,
    /// One of our own files: read-only, no setuid, no devices.
    ReadOnly,
    /// One of our own files: no setuid, no devices, no programs.
    Data,
}

impl DetachedMount {
    /// Copies what `path` (a descriptor, `O_PATH` will do) is on; mounts below it are left out.
    ///
    /// The descriptor has to be of a mount in the caller's own mount namespace, so this comes
    /// before leaving it. The copy follows no other mount, and none follows it.
    pub fn copy_of(path: BorrowedFd<'_>, origin: &Path) -> Result<Self, SysError> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        let fd =
            open_tree(path, "", flags).map_err(|e| SysError::path("copy mount of", origin, e))?;
        let copy = Self {
            fd,
            origin: origin.display().to_string(),
        };
        // A copy of a shared mount is its peer: what a guest mounts would appear on the host.
        copy.set_attributes(&attributes(0, 0, libc::MS_PRIVATE, None))?;
        Ok(copy)
    }

    /// Copies the mount at `path` with all that is mounted below it. If the mount is shared, the copy
    /// is its peer: what is mounted in one of them is mounted in the other, too.
    pub fn peer_of(path: &Path) -> Result<Self, SysError> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
        let fd =
            open_tree(CWD, path, flags).map_err(|e| SysError::path("copy mounts of", path, e))?;
        Ok(Self {
            fd,
            origin: path.display().to_string(),
        })
    }

    /// Sets what it restricts.
    pub fn restrict(&self, usage: MountUse) -> Result<(), SysError> {
        let guarded = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        let (set, clear) = match usage {
            MountUse::Guest => (
                libc::MOUNT_ATTR_NODEV,
                libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_RDONLY,
            ),
            MountUse::ReadOnly => (guarded | libc::MOUNT_ATTR_RDONLY, libc::MOUNT_ATTR_NOEXEC),
            MountUse::Data => (guarded | libc::MOUNT_ATTR_NOEXEC, libc::MOUNT_ATTR_RDONLY),
        };
        self.set_attributes(&attributes(set, clear, 0, None))
    }

    /// Shifts its ids by the map of a user namespace: id 0 on disk appears as the host id of root
    /// in that namespace. Only once, and only before it is attached.
    ///
    /// # Errors
    /// `EINVAL` if the file system cannot be shifted. *Source*: `mount_setattr(2)`,
    /// "ID-mapped mounts".
    pub fn shift_ids(&self, user_namespace: BorrowedFd<'_>) -> Result<(), SysError> {
        self.set_attributes(&attributes(
            libc::MOUNT_ATTR_IDMAP,
            0,
            0,
            Some(user_namespace),
        ))
    }

    /// Attaches it at a directory or file of the same kind, which must not be a symlink.
    pub fn attach(self, target: &Path) -> Result<(), SysError> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(self.fd.as_fd(), "", CWD, target, flags).map_err(|e| {
            let object = format!("{} at {}", self.origin, target.display());
            SysError::new("attach copy of", object, e)
        })
    }

    fn set_attributes(&self, attributes: &libc::mount_attr) -> Result<(), SysError> {
        // SAFETY: the path is a static C string and the flag says that the descriptor, which is
        // open, is meant; the structure is initialized and lives until the call is over, and its
        // size is that of the type, so the kernel reads no byte more.
        let result = unsafe {
            libc::syscall(
                libc::SYS_mount_setattr,
                self.fd.as_raw_fd(),
                c"".as_ptr(),
                libc::AT_EMPTY_PATH,
                std::ptr::from_ref(attributes),
                size_of::<libc::mount_attr>(),
            )
        };
        if result == 0 {
            return Ok(());
        }
        let source = std::io::Error::last_os_error();
        let action = match attributes.attr_set & libc::MOUNT_ATTR_IDMAP {
            0 => "set attributes of copy of",
            _ => "shift ids of",
        };
        Err(SysError::new(action, self.origin.clone(), source))
    }
}

impl AsFd for DetachedMount {
    /// Its root directory, as with `O_PATH`: files in it can be opened without attaching it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn attributes(
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: Option<BorrowedFd<'_>>,
) -> libc::mount_attr {
    // Zero is what the kernel takes for no namespace if the flag is not set.
    let descriptor = user_namespace.and_then(|fd| u64::try_from(fd.as_raw_fd()).ok());
    libc::mount_attr {
        attr_set: set,
        attr_clr: clear,
        propagation,
        userns_fd: descriptor.unwrap_or(0),
    }
}
