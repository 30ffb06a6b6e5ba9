//! The peer of a Unix socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use crate::{PidFd, SysError};

/// Credentials of the peer at the time it connected. *Source*: unix(7), `SO_PEERCRED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCredentials {
    /// Process id, translated into our pid namespace.
    pub pid: i32,
    /// Effective user id, translated into our user namespace.
    pub uid: u32,
    /// Effective group id, translated into our user namespace.
    pub gid: u32,
}

/// Reads the credentials of a connected Unix socket.
pub fn peer_credentials(socket: &impl AsFd) -> Result<PeerCredentials, SysError> {
    let cred = rustix::net::sockopt::socket_peercred(socket)
        .map_err(|e| SysError::new("read credentials of", "the peer of a socket", e))?;
    Ok(PeerCredentials {
        pid: cred.pid.as_raw_nonzero().get(),
        uid: cred.uid.as_raw(),
        gid: cred.gid.as_raw(),
    })
}

/// `SO_PEERPIDFD`, asm-generic/socket.h; Linux 6.5.
const PEER_PIDFD: libc::c_int = 77;

/// The process that connected a Unix socket; `None` if it is gone.
///
/// The kernel hands out a descriptor of the process itself. Before Linux 6.5 it is opened by its number,
/// which may belong to another process by then.
pub fn peer_process(socket: &impl AsFd) -> Result<Option<PidFd>, SysError> {
    let pid = peer_credentials(socket)?.pid.unsigned_abs();
    let mut fd: RawFd = -1;
    let mut length = libc::socklen_t::try_from(size_of::<RawFd>()).unwrap_or(0);
    // SAFETY: both pointers are to variables of this frame, and the length is that of the first one.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            PEER_PIDFD,
            std::ptr::from_mut(&mut fd).cast(),
            &raw mut length,
        )
    };
    if answer == 0 {
        // SAFETY: the kernel has just opened it for us.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        return Ok(Some(PidFd::from_parts(fd, pid)));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOPROTOOPT) => PidFd::open(pid),
        // It was reaped.
        Some(libc::ESRCH | libc::ENODATA | libc::EINVAL) => Ok(None),
        _ => Err(SysError::new("open", "the peer of a socket", error)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_peer_is_held() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        let peer = peer_process(&a).unwrap().unwrap();
        assert_eq!(peer.pid(), std::process::id());
        assert!(!peer.wait_exit(Duration::ZERO).unwrap());
    }

    #[test]
    fn a_pair_is_ourselves() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        let cred = peer_credentials(&a).unwrap();
        assert_eq!(cred.pid.unsigned_abs(), std::process::id());
        assert_eq!(cred.uid, rustix::process::getuid().as_raw());
    }
}
