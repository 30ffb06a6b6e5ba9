//! Going into the namespaces of another process, and becoming two there.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::mount_namespace::require_one_thread;
use crate::{PidFd, SysError};

/// Goes into all namespaces of a process, its user namespace too. Children will be in its pid
/// namespace; the caller itself stays in its own, so that no process in there can see or name it.
///
/// Afterwards no process can trace the caller or read its memory.
///
/// # Errors
/// `EINVAL` in a process with several threads; `ESRCH` if the process is gone.
pub fn enter_guest(process: &PidFd) -> Result<(), SysError> {
    require_one_thread("enter a guest")?;
    let object = process.pid().to_string();
    // Before: from the first moment inside, the guest's root is a user that could trace it.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|e| SysError::new("hide", "this process", e))?;
    let all = ThreadNameSpaceType::USER
        | ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::PROCESS_ID
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::CONTROL_GROUP
        | ThreadNameSpaceType::TIME;
    move_into_thread_name_spaces(process.as_fd(), all)
        .map_err(|e| SysError::new("enter the namespaces of process", object, e))
}

/// The host name that a process has. This changes the calling thread permanently, so it
/// should end soon; other threads keep theirs.
///
/// # Errors
/// `ESRCH` if the process is gone.
pub fn hostname_of(process: &PidFd) -> Result<String, SysError> {
    let uts = ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME;
    move_into_thread_name_spaces(process.as_fd(), uts).map_err(|e| {
        let object = process.pid().to_string();
        SysError::new("take the host name of process", object, e)
    })?;
    let name = rustix::system::uname().nodename().to_owned();
    Ok(name.to_string_lossy().into_owned())
}

/// Which of the two a process is after [`fork`].
#[derive(Debug)]
pub enum Forked {
    /// The new one.
    Child,
    /// The old one: this is the number of the new one, as it is called here.
    Parent(u32),
}

/// Becomes two processes.
///
/// # Errors
/// `EINVAL` in a process with several threads: the new process would have locks that no thread releases.
pub fn fork() -> Result<Forked, SysError> {
    require_one_thread("fork")?;
    // SAFETY: there is one thread, so the child is a whole copy in a sane state.
    let pid = unsafe { libc::fork() };
    match u32::try_from(pid) {
        Ok(0) => Ok(Forked::Child),
        Ok(pid) => Ok(Forked::Parent(pid)),
        Err(_) => Err(SysError::new(
            "fork",
            "this process",
            io::Error::last_os_error(),
        )),
    }
}

/// Both ends of a new terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The end for the program that displays the terminal.
    pub master: OwnedFd,
    /// The end for the process that runs in the terminal.
    pub slave: OwnedFd,
}

/// devpts, linux/magic.h.
const DEVPTS: i64 = 0x1cd1;

/// Makes a terminal of the file system at `/dev/pts`, which has to be a devpts: if anything
/// else is mounted there, it returns an error and opens nothing.
pub fn new_terminal() -> Result<Terminal, SysError> {
    let path = "/dev/pts/ptmx";
    let failed = |e: rustix::io::Errno| SysError::new("make a terminal of", path, e);
    let flags =
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let held = rustix::fs::open(
        path,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let kind = rustix::fs::fstatfs(&held.map_err(failed)?)
        .map_err(failed)?
        .f_type;
    if kind != DEVPTS {
        return Err(failed(rustix::io::Errno::NODEV));
    }
    let master = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
    let kind = rustix::fs::fstatfs(&master).map_err(failed)?.f_type;
    if kind != DEVPTS {
        return Err(failed(rustix::io::Errno::NODEV));
    }
    rustix::io::ioctl_fionbio(&master, false).map_err(failed)?;
    rustix::pty::unlockpt(&master).map_err(failed)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).map_err(failed)?;
    Ok(Terminal { master, slave })
}
