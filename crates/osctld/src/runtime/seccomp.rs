//! The seccomp policy of its own that a container was started with: a copy in its run folder.
//!
//! LXC reads the copy, because its monitor sees no mount of the host but that of the run folder. And
//! what comes into the guest later is put under the policy that its init has got, even if the
//! administrator has changed that file or named another one meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, chain};

use super::Place;
use super::launch::SECCOMP_POLICY;
use crate::host::fail;

/// `run/osctl/pools/<pool>/containers/<id>/seccomp.policy`, in the words of lxc.container.conf(5).
pub(super) fn copy_in(run: &Path) -> PathBuf {
    run.join(SECCOMP_POLICY)
}

/// Copies the policy that the container is configured with; `None` if it gets ours.
pub(super) fn copy(place: &Place) -> Result<Option<Arc<str>>, Failure> {
    let copy = copy_in(&place.run);
    let Some(source) = &place.doc.seccomp_profile else {
        atomic::remove(&copy).map_err(|error| fail::file(&error))?;
        return Ok(None);
    };
    let text = read_policy(source).map_err(|why| {
        let text = format!("cannot read its seccomp policy {}: {why}", source.display());
        let (pool, name) = (&place.pool, &place.name);
        Failure::new(Code::Step, text).next(format!("osctl ct unset seccomp {pool}:{name}"))
    })?;
    atomic::replace(&copy, text.as_bytes(), Attributes::mode(0o444))
        .map_err(|error| fail::file(&error))?;
    Ok(Some(text.into()))
}

/// The administrator's file, which may be a symlink.
fn read_policy(source: &Path) -> Result<String, String> {
    let file = source.canonicalize().map_err(|error| error.to_string())?;
    match atomic::read_text(&file) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err("it is gone".to_owned()),
        Err(error) => Err(chain(&error)),
    }
}

/// What a running container was started with; `None` if that is ours.
pub(super) fn of_running(run: &Path) -> Result<Option<Arc<str>>, Failure> {
    let text = atomic::read_text(&copy_in(run)).map_err(|error| fail::file(&error))?;
    Ok(text.map(Arc::from))
}
