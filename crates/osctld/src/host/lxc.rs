//! What of LXC is on this host, found once at start.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os_cmd::HostRunner;
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, chain};
use rustix::fs::{MemfdFlags, SealFlags};

use super::fail;
use crate::runtime::launch::{IDLE, SECCOMP_POLICY};

/// Programs that containers are started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lxc {
    /// `os-helper`, as LXC's hooks need it.
    pub(crate) helper: PathBuf,
    /// A copy of it in memory that nobody can change, not even whoever meets it in a guest.
    sealed: Option<Arc<OwnedFd>>,
    /// `lxc-start`.
    pub(crate) starter: PathBuf,
    /// Whether `AppArmor` is enabled.
    pub(crate) apparmor: bool,
}

/// Finds them, and writes what they need into the run folder.
pub(crate) fn find(run: &Path) -> Result<Lxc, Failure> {
    let policy = run.join(SECCOMP_POLICY);
    let text = os_lxc::seccomp::DEFAULT_POLICY.as_bytes();
    atomic::replace(&policy, text, Attributes::mode(0o644)).map_err(|error| fail::file(&error))?;
    write_idle(run)?;
    let starter = HostRunner::new().find("lxc-start").map_err(|error| {
        Failure::new(Code::NotFound, chain(&error)).next("apt-get install lxc uidmap")
    })?;
    let helper = helper()?;
    let sealed = seal(&helper).map_err(|error| {
        Failure::new(
            Code::Step,
            format!("cannot read {}: {error}", helper.display()),
        )
    })?;
    let enabled = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    Ok(Lxc {
        helper,
        sealed: Some(Arc::new(sealed)),
        starter,
        apparmor: enabled.is_ok_and(|text| text.trim() == "Y"),
    })
}

/// The init that only waits. Without it, on an architecture that we have no code for, nothing but
/// commands on stopped containers is missing.
fn write_idle(run: &Path) -> Result<(), Failure> {
    let Some(program) = os_lxc::idle_program(std::env::consts::ARCH) else {
        return Ok(());
    };
    let written = atomic::replace(&run.join(IDLE), &program, Attributes::mode(0o555));
    written.map(drop).map_err(|error| fail::file(&error))
}

impl Lxc {
    /// What is to be executed to run `os-helper`.
    pub(crate) fn program(&self) -> PathBuf {
        match &self.sealed {
            // The child has the same descriptor until it executes it.
            Some(sealed) => format!("/proc/self/fd/{}", sealed.as_raw_fd()).into(),
            None => self.helper.clone(),
        }
    }
}

/// A copy of a program in memory, sealed: `memfd_create(2)`, `F_ADD_SEALS`.
fn seal(program: &Path) -> std::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut memory = std::fs::File::from(rustix::fs::memfd_create("os-helper", flags)?);
    std::io::copy(&mut std::fs::File::open(program)?, &mut memory)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&memory, seals)?;
    Ok(memory.into())
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
