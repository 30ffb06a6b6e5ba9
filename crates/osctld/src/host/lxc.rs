//! What of LXC is on this host, found once at start.

use std::path::{Path, PathBuf};

use os_cmd::HostRunner;
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, chain};

use super::fail;
use crate::runtime::launch::SECCOMP_POLICY;

/// Programs that containers are started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lxc {
    /// `os-helper`.
    pub(crate) helper: PathBuf,
    /// `lxc-start`.
    pub(crate) lxc_start: PathBuf,
    /// Whether `AppArmor` is enabled.
    pub(crate) apparmor: bool,
}

/// Finds them, and writes what they need into the run folder.
pub(crate) fn find(run: &Path) -> Result<Lxc, Failure> {
    let policy = run.join(SECCOMP_POLICY);
    let text = os_lxc::seccomp::DEFAULT_POLICY.as_bytes();
    atomic::replace(&policy, text, Attributes::mode(0o644)).map_err(|error| fail::file(&error))?;
    let lxc_start = HostRunner::new().find("lxc-start").map_err(|error| {
        Failure::new(Code::NotFound, chain(&error)).next("apt-get install lxc uidmap")
    })?;
    let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    Ok(Lxc {
        helper: helper()?,
        lxc_start,
        apparmor: enabled.is_ok_and(|text| text.trim() == "Y"),
    })
}

/// `os-helper`, beside this program.
pub(crate) fn helper() -> Result<PathBuf, Failure> {
    let this = std::env::current_exe();
    let beside = this
        .ok()
        .and_then(|this| Some(this.parent()?.join("os-helper")));
    let found = beside.filter(|path| path.is_file());
    found.ok_or_else(|| {
        let text = "there is no program os-helper beside osctld, so no container can be started";
        Failure::new(Code::NotFound, text).next("cargo build -p os-helper")
    })
}
