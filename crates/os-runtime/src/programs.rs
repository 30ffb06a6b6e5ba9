//! LXC's programs and `os-helper`, found once when the daemon starts.

use std::path::{Path, PathBuf};

use os_cmd::HostRunner;
use os_cmd::os_helper::Helper;
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, chain};

use crate::failure;
use crate::reaper::ProcessReaper;
use crate::seccomp::DEFAULT_POLICY_FILE;

/// Name of the init that only waits, in the runtime directory.
const PAUSE: &str = "pause";

/// The programs that containers are started with.
#[derive(Debug)]
pub(crate) struct Programs {
    /// `os-helper`.
    pub(crate) helper: Helper,
    /// `lxc-start`.
    pub(crate) lxc_start: PathBuf,
    /// Whether `AppArmor` is enabled.
    pub(crate) apparmor: bool,
}

impl Programs {
    /// Finds them, and writes the files that they need into the runtime directory.
    pub(crate) fn find(run: &Path, reaper: &ProcessReaper) -> Result<Self, Failure> {
        let policy = run.join(DEFAULT_POLICY_FILE);
        let text = os_lxc::seccomp::DEFAULT_POLICY.as_bytes();
        atomic::replace(&policy, text, Attributes::mode(0o644))?;
        write_pause(run)?;
        let lxc_start = HostRunner::new().find("lxc-start").map_err(|error| {
            Failure::new(Code::NotFound, chain(&error)).next("apt-get install lxc uidmap")
        })?;
        let helper = helper_program()?;
        let reading = format!("read {}", helper.display());
        let sealed = Helper::sealed(helper).map_err(failure::while_doing(reading))?;
        let reaper = reaper.clone();
        let helper = sealed.reaped_by(move |child| reaper.child(child, || ()));
        let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled");
        Ok(Self {
            helper,
            lxc_start,
            apparmor: enabled.is_ok_and(|text| text.trim() == "Y"),
        })
    }
}

/// The init that only waits, in the runtime directory.
pub(crate) fn pause_program(run: &Path) -> PathBuf {
    run.join(PAUSE)
}

/// Writes the init that only waits. On an architecture that we have no code for it is missing, and
/// commands on stopped containers fail.
fn write_pause(run: &Path) -> Result<(), Failure> {
    let Some(program) = os_lxc::idle_program(std::env::consts::ARCH) else {
        return Ok(());
    };
    let written = atomic::replace(&run.join(PAUSE), &program, Attributes::mode(0o555));
    written?;
    Ok(())
}

/// Path of `os-helper`, which is installed beside this program.
pub fn helper_program() -> Result<PathBuf, Failure> {
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
