//! One daemon a root, and its socket.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::{fs, io};

use os_store::atomic::{self, Attributes};
use os_store::lock::{Lock, LockError};

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceError {
    /// Another one runs.
    #[error("osctld runs already as process {pid}; stop it first, or use another --root")]
    Running {
        /// Its process id.
        pid: u32,
    },
    /// The lock could not be taken.
    #[error("cannot lock the runtime directory")]
    Lock(#[source] LockError),
    /// A directory could not be made.
    #[error("cannot create the runtime directory")]
    Folder(#[from] os_store::FileError),
    /// The socket could not be made.
    #[error("cannot make the socket {path}")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Takes the place of the only daemon of the runtime directory `run`; given up when dropped.
pub(crate) fn claim(run: &Path) -> Result<Lock, InstanceError> {
    if let Some(parent) = run.parent() {
        atomic::create_dir_all(parent, Attributes::mode(0o755))?;
    }
    atomic::create_dir(run, Attributes::mode(0o711))?;
    Lock::acquire(&run.join("osctld.pid")).map_err(|error| match error {
        LockError::HeldBy(pid) => InstanceError::Running { pid },
        other => InstanceError::Lock(other),
    })
}

/// Makes the socket, mode 0600 from the first moment.
///
/// It is bound inside a directory that only root can enter, given its mode there and then renamed to
/// `path`: no client can connect in between, and a stale socket of a crashed daemon is replaced in
/// the same step.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, InstanceError> {
    let cradle = path.with_extension("cradle");
    let failed = |source| InstanceError::Socket {
        path: path.to_path_buf(),
        source,
    };
    atomic::create_dir(&cradle, Attributes::mode(0o700))?;
    let born = cradle.join("s");
    match fs::remove_file(&born) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&born).map_err(failed)?;
    fs::set_permissions(&born, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&born, path).map_err(failed)?;
    fs::remove_dir(&cradle).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_second_instance_names_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run/osctl");
        let first = claim(&run).unwrap();
        match claim(&run) {
            Err(InstanceError::Running { pid }) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        drop(first);
        claim(&run).unwrap();
    }

    #[test]
    fn a_stale_socket_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("osctld.sock");
        drop(bind(&path).unwrap());
        UnixStream::connect(&path).unwrap_err();
        let listener = bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(listener);
    }
}
