//! The administrator's seccomp policy that a container was started with: a copy in its runtime
//! directory.
//!
//! LXC reads the copy, because its monitor sees no other mount of the host. And commands that enter
//! the guest later get the policy that its init has, even if the administrator has changed the file
//! or named another one meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_lxc::seccomp::SeccompPolicy;
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, HostPath, chain};

use crate::spec::ContainerSpec;

/// Name of our policy in the runtime directory, and of the copy in that of a container.
pub(crate) const DEFAULT_POLICY_FILE: &str = "seccomp.policy";

/// `run/osctl/pools/<pool>/containers/<id>/seccomp.policy`, in the format of lxc.container.conf(5).
pub(crate) fn copy_in(run: &Path) -> PathBuf {
    run.join(DEFAULT_POLICY_FILE)
}

/// Copies the configured policy; `None` if the container gets ours.
pub(crate) fn copy(spec: &ContainerSpec) -> Result<Option<Arc<str>>, Failure> {
    let copy = copy_in(&spec.paths.run);
    let Some(source) = &spec.settings.seccomp_profile else {
        atomic::remove(&copy)?;
        return Ok(None);
    };
    let text = read_policy(source.as_path()).map_err(|why| {
        let text = format!("cannot read its seccomp policy {source}: {why}");
        Failure::new(Code::File, text).next(format!("osctl ct unset seccomp {}", spec.container))
    })?;
    let attributes = Attributes::mode(0o440).owned_by(0, spec.ugid);
    atomic::replace(&copy, text.as_bytes(), attributes)?;
    Ok(Some(text.into()))
}

/// Refuses a policy that the next start could not use.
pub fn check(profile: Option<&HostPath>) -> Result<(), Failure> {
    let Some(profile) = profile else {
        return Ok(());
    };
    let text = read_policy(profile.as_path());
    let policy = text.and_then(|text| SeccompPolicy::parse(&text).map_err(|error| chain(&error)));
    policy.map(drop).map_err(|why| {
        let text = format!("{profile} cannot be used as a seccomp policy: {why}");
        Failure::new(Code::Body, text)
    })
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

/// The policy that a running container was started with; `None` if that is ours.
pub(crate) fn of_running(run: &Path) -> Result<Option<Arc<str>>, Failure> {
    let text = atomic::read_text(&copy_in(run))?;
    Ok(text.map(Arc::from))
}
