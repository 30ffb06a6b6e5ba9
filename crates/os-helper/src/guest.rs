//! Writing files inside a guest, with the ids of the guest's root only.
//!
//! The files of a guest may be anything, so they are not written by root of the host, and not by a
//! process that could reach a file of the host by any path at all:
//!
//! ```text
//!   stopped   copy of the root as a detached mount, ids shifted, no devices, no setuid
//!               ─ limits ─ enter the user namespace ─ leave the host: only the root is visible
//!   running   limits ─ enter all namespaces of its init
//! ```
//!
//! What is in the files is the business of `os-guest`. osctld kills this process at its deadline: a
//! file system that a guest made may never answer.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use os_helper_api::{
    Answer, Dress, GuestJob, GuestReport, GuestTarget, GuestWork, RunningGuest, StoppedGuest,
};
use os_sys::{DetachedMount, MountUse, SysError};
use os_types::{Code, Failure};
use rustix::fs::{Mode, OFlags};

use crate::channel::Channel;
use crate::process;

/// Timeout of the message to all users.
const TELLING: Duration = Duration::from_millis(1500);

/// Why a guest was not entered.
#[derive(Debug, thiserror::Error)]
enum GuestError {
    #[error("cannot open {}", path.display())]
    Open {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    System(#[from] SysError),
    #[error("{0}")]
    Gone(String),
}

pub(crate) fn run(job: &GuestJob, channel: Channel) -> ExitCode {
    match work(job) {
        Ok(report) => channel.answer(&Answer::Guest(report)),
        Err(error) => channel.failed(Failure::new(Code::System, os_types::chain(&error))),
    }
}

fn work(job: &GuestJob) -> Result<GuestReport, GuestError> {
    let runs = match &job.guest {
        GuestTarget::Stopped(guest) => confine(guest).map(|()| false),
        GuestTarget::Running(guest) => enter(*guest).map(|()| true),
    }?;
    let root = open(Path::new("/"), OFlags::RDONLY | OFlags::DIRECTORY)?;
    match &job.work {
        GuestWork::Dress(dress) => {
            let mut report = os_guest::dress(root.as_fd(), dress);
            if runs {
                call(dress, &mut report);
            }
            Ok(report)
        }
        GuestWork::Tell { message } => {
            let deadline = Instant::now() + TELLING;
            Ok(os_guest::tell(root.as_fd(), message, deadline))
        }
    }
}

/// Gives the kernel of a running guest its name.
fn call(dress: &Dress, report: &mut GuestReport) {
    let Some(name) = os_guest::kernel_name(dress) else {
        return;
    };
    match rustix::system::sethostname(name.as_bytes()) {
        Ok(()) => {}
        Err(errno) => report
            .left
            .push(format!("its name is not in use yet: {errno}")),
    }
}

/// Hides everything but the root of a stopped guest.
fn confine(guest: &StoppedGuest) -> Result<(), GuestError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let folder = open(&guest.root, flags)?;
    let copy = DetachedMount::copy_of(folder.as_fd(), &guest.root)?;
    copy.restrict(MountUse::Data)?;
    let namespace = os_sys::user_namespace(&guest.uid_map, &guest.gid_map)?;
    copy.shift_ids(namespace.as_fd())?;
    drop(folder);
    limit()?;
    os_sys::reset_file_context()?;
    os_sys::forbid_new_privileges()?;
    os_sys::enter_user_namespace(namespace.as_fd())?;
    os_sys::leave_host(copy.as_fd())?;
    Ok(())
}

fn enter(guest: RunningGuest) -> Result<(), GuestError> {
    let init = process::hold(guest.init_pid, guest.init_start).map_err(GuestError::Gone)?;
    limit()?;
    os_sys::forbid_new_privileges()?;
    os_sys::enter_guest(&init)?;
    os_sys::become_user(0)?;
    os_sys::reset_file_context()?;
    Ok(())
}

/// What a few lines of text need, and not much more.
fn limit() -> Result<(), SysError> {
    let limits = [
        ("as", 256 << 20),
        ("cpu", 10),
        ("fsize", 4 << 20),
        ("core", 0),
        ("nofile", 64),
    ];
    for (name, most) in limits {
        os_sys::set_limit(name, Some(most), Some(most))?;
    }
    Ok(())
}

fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, GuestError> {
    let opened = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|e| GuestError::Open {
        path: path.to_owned(),
        source: e.into(),
    })
}
