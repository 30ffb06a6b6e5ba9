//! A user namespace for the sake of its id maps.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use os_types::IdMap;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::mount_namespace::require_one_thread;
use crate::{SysError, become_user};

/// A user namespace with these maps, without processes.
///
/// The kernel takes maps for a mount from a namespace only, and a namespace is born with a process;
/// this one lives for the length of this call.
pub fn user_namespace(uid_map: &IdMap, gid_map: &IdMap) -> Result<OwnedFd, SysError> {
    let failed = |e: io::Error| SysError::new("make", "a user namespace", e);
    let (wait, go) = io::pipe().map_err(failed)?;
    let child = Resident::start(wait.as_raw_fd(), go.as_raw_fd()).map_err(failed)?;
    let folder = PathBuf::from(format!("/proc/{}", child.pid));
    for (name, map) in [("uid_map", uid_map), ("gid_map", gid_map)] {
        let path = folder.join(name);
        let write = || {
            File::options()
                .write(true)
                .open(&path)?
                .write_all(text(map).as_bytes())
        };
        write().map_err(|e: io::Error| SysError::path("write", &path, e))?;
    }
    let path = folder.join("ns/user");
    let namespace = File::open(&path).map_err(|e| SysError::path("open", &path, e))?;
    // The process exits when the last writer of the pipe is closed.
    drop(go);
    drop(child);
    Ok(namespace.into())
}

/// Becomes root of a user namespace, permanently: no rights are left outside of it, nor in any other.
///
/// *Errors*: `EINVAL` in a process with several threads.
pub fn enter_user_namespace(namespace: BorrowedFd<'_>) -> Result<(), SysError> {
    require_one_thread("enter a user namespace")?;
    let kind = Some(LinkNameSpaceType::User);
    move_into_link_name_space(namespace, kind)
        .map_err(|e| SysError::new("enter", "a user namespace", e))?;
    become_user(0)
}

/// One line an entry. *Source*: `user_namespaces(7)`.
fn text(map: &IdMap) -> String {
    let lines = map.entries().iter().map(|entry| {
        let (ns, host) = (entry.ns(), entry.host());
        format!("{} {} {}\n", ns.first(), host.first(), ns.count())
    });
    lines.collect()
}

/// The process in the namespace; dropping it waits for its end.
#[derive(Debug)]
struct Resident {
    pid: libc::pid_t,
}

impl Resident {
    /// Starts a process that ends when the other end of its pipe is closed, by us or by our end.
    fn start(wait: RawFd, go: RawFd) -> io::Result<Self> {
        let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
        // SAFETY: without CLONE_VM this is a fork: no stack and no other pointer is given, the
        // child has a copy of this one.
        let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
        match libc::pid_t::try_from(pid) {
            Ok(0) => inhabit(wait, go),
            Ok(pid) if pid > 0 => Ok(Self { pid }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // SAFETY: takes numbers; the process is our child, which no other code waits for.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        // SAFETY: as above; a null status is not written to.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

/// What the process does: async-signal-safe calls only, for it was forked from a process that may
/// have threads.
fn inhabit(wait: RawFd, go: RawFd) -> ! {
    let mut byte = 0_u8;
    // SAFETY: the descriptor is this process's copy of an open one, used by nothing else in it.
    unsafe { libc::close(go) };
    // SAFETY: the buffer is a local of the length given; the result does not matter, for any end
    // of the call is the end of the process.
    unsafe { libc::read(wait, (&raw mut byte).cast(), 1) };
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(0) }
}
