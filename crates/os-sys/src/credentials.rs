//! Changing user and group ids, capabilities and related attributes of this process.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::Mode;

use crate::SysError;
use crate::mount_namespace::require_one_thread;

/// Becomes the user and the group `id`, member of no other group, permanently.
///
/// *Errors*: if any of it fails; the process is then not to go on.
pub fn become_user(id: u32) -> Result<(), SysError> {
    require_one_thread("become the user")?;
    let failed = |e: io::Error| SysError::new("become user", id.to_string(), e);
    let check = |result: libc::c_int| match result {
        0 => Ok(()),
        _ => Err(failed(io::Error::last_os_error())),
    };
    // Groups first: after the last call there is no privilege left to drop them with.
    // SAFETY: a length of 0 means that the pointer is not read.
    check(unsafe { libc::setgroups(0, std::ptr::null()) })?;
    // SAFETY: takes numbers only.
    check(unsafe { libc::setresgid(id, id, id) })?;
    // SAFETY: takes numbers only.
    check(unsafe { libc::setresuid(id, id, id) })
}

/// Forbids itself, and all it starts, to gain privileges by exec. *Source*: prctl(2).
pub fn forbid_new_privileges() -> Result<(), SysError> {
    rustix::thread::set_no_new_privs(true).map_err(|e| SysError::new("forbid", "new privileges", e))
}

/// Sets the mask of modes to `022` and the working directory to `/`.
pub fn reset_file_context() -> Result<(), SysError> {
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    rustix::process::chdir("/").map_err(|e| SysError::new("change to", "/", e))
}

/// Replaces the standard streams.
pub fn set_standard_streams(input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> Result<(), SysError> {
    let failed = |e| SysError::new("replace", "the standard streams", e);
    rustix::stdio::dup2_stdin(input).map_err(failed)?;
    rustix::stdio::dup2_stdout(output).map_err(failed)?;
    rustix::stdio::dup2_stderr(output).map_err(failed)
}

/// Sees to it that a program run by this process gets only the standard streams, even if other
/// descriptors were left open.
pub fn close_others_at_exec() -> Result<(), SysError> {
    let flags = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
    // SAFETY: marks descriptors and closes none, so nothing that is owned becomes invalid.
    let result = unsafe { libc::close_range(3, libc::c_uint::MAX, flags) };
    if result == 0 {
        return Ok(());
    }
    let source = io::Error::last_os_error();
    Err(SysError::new("mark", "open descriptors", source))
}
