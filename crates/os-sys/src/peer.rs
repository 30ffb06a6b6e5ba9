//! Who is at the other end of a Unix socket.

use std::os::fd::AsFd;

use crate::SysError;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_ourselves() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        let cred = peer_credentials(&a).unwrap();
        assert_eq!(cred.pid.unsigned_abs(), std::process::id());
        assert_eq!(cred.uid, rustix::process::getuid().as_raw());
    }
}
