//! A view of the file systems that is this process's own.
//!
//! These functions change the calling process as a whole, and only a process with one thread may
//! call them: others would be left in another namespace.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, UnshareFlags, move_into_link_name_space,
    move_into_thread_name_spaces,
};

use crate::{MountEntry, MountTable, PidFd, SysError};

/// Takes a copy of all mounts for this process alone: what is mounted and unmounted on the host
/// from now on does not happen here, nor the other way round.
///
/// Private and not slave: a slave would get each pool that is imported later, in each monitor.
///
/// # Errors
/// `EINVAL` in a process with several threads.
pub fn leave_mount_namespace() -> Result<(), SysError> {
    require_one_thread("leave the mount namespace")?;
    // SAFETY: the flag is not FILES, which alone can make descriptors of other threads vanish, and
    // there are no other threads.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
        .map_err(|e| SysError::new("leave", "the mount namespace", e))?;
    let all = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", all)
        .map_err(|e| SysError::new("make private", "all mounts", e))
}

/// Does something in the mount namespace of a process and comes back; paths mean what they mean there.
///
/// # Errors
/// `EINVAL` in a process with several threads; `ESRCH` if the process is gone; those of `work`.
pub fn in_mount_namespace<T>(
    process: &PidFd,
    work: impl FnOnce() -> Result<T, SysError>,
) -> Result<T, SysError> {
    require_one_thread("enter a mount namespace")?;
    let failed = |e| SysError::new("open", "the own mount namespace", e);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let own = rustix::fs::open("/proc/self/ns/mnt", flags, Mode::empty()).map_err(failed)?;
    let object = process.pid().to_string();
    move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::MOUNT)
        .map_err(|e| SysError::new("enter the mount namespace of process", object, e))?;
    let done = work();
    move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount))
        .map_err(|e| SysError::new("return to", "the own mount namespace", e))?;
    done
}

/// Makes a mount one that copies of it follow: what is mounted in one of them is mounted in all. A copy
/// in a user namespace with less rights follows, and is not followed. *Source*: `mount_namespaces(7)`.
pub fn share_mount(target: &Path) -> Result<(), SysError> {
    rustix::mount::mount_change(target, MountPropagationFlags::SHARED)
        .map_err(|e| SysError::path("share", target, e))
}

/// Leaves the network, the message queues and the file systems of the host: afterwards only `root` is
/// visible. The caller must be root of its own user namespace.
pub fn leave_host(root: BorrowedFd<'_>) -> Result<(), SysError> {
    require_one_thread("leave the namespaces")?;
    let flags = UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    // SAFETY: as above: without FILES, and without other threads.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(|e| SysError::new("leave", "the host's namespaces", e))?;
    let failed = |e| SysError::new("change root to", "the target", e);
    rustix::process::fchdir(root).map_err(failed)?;
    rustix::process::chroot(".").map_err(failed)
}

/// Lets go of all mounts but those that `keep` wants, and those below the ones it does not.
///
/// For a mount namespace of one's own: users of what is let go of are not asked. `scratch` is an empty
/// directory in it.
pub fn detach_mounts(scratch: &Path, keep: impl Fn(&MountEntry) -> bool) -> Result<(), SysError> {
    // Detaching a mount also detaches mounts below it, and reveals mounts that it hid: repeat
    // until nothing changes.
    let mut before = usize::MAX;
    loop {
        let table = MountTable::read()?;
        let unwanted: Vec<_> = table.iter().filter(|entry| !keep(entry)).collect();
        if unwanted.is_empty() || unwanted.len() >= before {
            return Ok(());
        }
        before = unwanted.len();
        let is_top = |entry: &&&MountEntry| !unwanted.iter().any(|it| it.id == entry.parent);
        let tops = unwanted.iter().filter(is_top);
        let tops: Vec<_> = tops.map(|entry| entry.mount_point.as_path()).collect();
        match tops[..] {
            [only] => detach(only)?,
            _ => detach_together(scratch, &tops)?,
        }
    }
}

/// Detaches mounts by moving them below one mount, which is detached: each detaching waits for a grace
/// period of RCU, some milliseconds on a busy host.
fn detach_together(scratch: &Path, mounts: &[&Path]) -> Result<(), SysError> {
    mount_stage(scratch)?;
    for (index, path) in mounts.iter().enumerate() {
        let place = scratch.join(index.to_string());
        let moved = rustix::fs::mkdir(&place, Mode::RWXU)
            .and_then(|()| rustix::mount::mount_move(*path, &place));
        if moved.is_err() {
            // For example the mount of a file.
            detach(path)?;
        }
    }
    detach(scratch)
}

fn detach(path: &Path) -> Result<(), SysError> {
    match rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
        // Hidden below another mount, or its directory was removed: no path leads there.
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => Ok(()),
        Err(e) => Err(SysError::path("detach", path, e)),
    }
}

/// Mounts a small file system in memory, `0711 root`: no devices, no setuid, at most 64 kB.
pub fn mount_stage(target: &Path) -> Result<(), SysError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    let options = c"mode=0711,size=64k,nr_inodes=64";
    rustix::mount::mount("osctl-stage", target, "tmpfs", flags, options)
        .map_err(|e| SysError::path("mount a file system in memory at", target, e))
}

/// Makes a directory, `0711 root`, to mount on.
pub fn make_directory(path: &Path) -> Result<(), SysError> {
    let mode = Mode::RWXU | Mode::XGRP | Mode::XOTH;
    rustix::fs::mkdir(path, mode).map_err(|e| SysError::path("make", path, e))
}

/// Refuses what would change one thread, or all behind the back of others.
///
/// The kernel is asked, not `/proc`: in a guest that one shows other processes. *Source*:
/// unshare(2), `CLONE_THREAD`: no effect with one thread, `EINVAL` with several.
pub(crate) fn require_one_thread(action: &'static str) -> Result<(), SysError> {
    // SAFETY: takes a number only, and changes nothing whatever it answers.
    match unsafe { libc::unshare(libc::CLONE_THREAD) } {
        0 => Ok(()),
        _ => Err(SysError::new(
            action,
            "of a process with several threads",
            io::Error::last_os_error(),
        )),
    }
}
