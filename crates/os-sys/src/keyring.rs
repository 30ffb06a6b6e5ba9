//! The session keyring of a process: keyrings(7).

use std::io;
use std::ptr;

use crate::SysError;

/// Gives the calling thread, and what it starts, a new and empty session keyring in place of the one it
/// inherited. Returns its serial number; 0 on a kernel without keyrings.
pub fn new_session_keyring() -> Result<u32, SysError> {
    let name = ptr::null::<libc::c_char>();
    // SAFETY: a null name asks for a keyring without one; nothing is read.
    let serial =
        unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, name) };
    if let Ok(serial) = u32::try_from(serial) {
        return Ok(serial);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOSYS) => Ok(0),
        _ => Err(SysError::new("make", "a session keyring", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_one() {
        let (first, second) = (
            new_session_keyring().unwrap(),
            new_session_keyring().unwrap(),
        );
        assert!(first != second || first == 0);
    }
}
