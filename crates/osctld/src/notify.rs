//! Tells a supervisor that asks for it how the daemon stands, as `sd_notify(3)` describes.
//!
//! Without `NOTIFY_SOCKET` in the environment, as under runit or by hand, nothing happens.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket answers: clients may come. Pools are imported meanwhile.
pub(crate) const READY: &str = "READY=1\nSTATUS=importing pools";

/// Everything that was imported before is imported again.
pub(crate) const IMPORTED: &str = "STATUS=ready";

/// The end has begun.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Sends a message. A supervisor that does not listen is no reason not to run.
pub(crate) fn tell(message: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&name, message) {
        tracing::warn!(%error, socket = ?name, "cannot notify the supervisor");
    }
}

fn send(name: &OsStr, message: &str) -> std::io::Result<()> {
    // A name that begins with @ is in the abstract namespace, unix(7).
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message.as_bytes(), &address)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_hears_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), READY).unwrap();
        let mut buffer = [0; 64];
        let length = supervisor.recv(&mut buffer).unwrap();
        assert_eq!(buffer.get(..length), Some(READY.as_bytes()));
        send(OsStr::new("@osctl-test-that-nobody-binds"), READY).unwrap_err();
    }
}
