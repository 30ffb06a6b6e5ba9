//! Unpacking the root of an image, confined.
//!
//! An archive comes from somebody, and code that reads archives has had holes. So it is read, and
//! decompressed, by a process that is root of a user namespace and has no rights outside of it: it can
//! write only the target, through a mount that shifts its ids back; it has no network, sees no other
//! file than those it unpacks, cannot gain privileges, and has limits.
//!
//! ```text
//!   open archive and target ─ copy the target as a detached mount, ids shifted
//!     ─ limits ─ enter the user namespace ─ leave the host ─ unpack ─ answer
//! ```

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use os_helper_api::{Answer, UnpackJob};
use os_image::{Archive, ArchiveError, UnpackError};
use os_sys::{DetachedMount, MountUse, SysError};
use os_types::{Code, Explain, Failure};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};

use crate::channel::Channel;

/// Why nothing, or not all, was unpacked.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("cannot open {}", path.display())]
    Open {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot be bound to its parent")]
    Parent(#[source] std::io::Error),
    #[error(transparent)]
    System(#[from] SysError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

impl Explain for JobError {
    fn code(&self) -> Code {
        match self {
            Self::Open { .. } | Self::Parent(_) | Self::System(_) => Code::System,
            Self::Archive(error) => error.code(),
            Self::Unpack(error) => error.code(),
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Open { path, .. } => Some(path.display().to_string()),
            Self::Parent(_) => None,
            Self::System(error) => Some(error.object().to_owned()),
            Self::Archive(error) => error.object(),
            Self::Unpack(error) => error.object(),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Open { .. } | Self::Parent(_) | Self::System(_) => None,
            Self::Archive(error) => error.next(),
            Self::Unpack(error) => error.next(),
        }
    }
}

pub(crate) fn run(job: &UnpackJob, channel: Channel) -> ExitCode {
    match unpack(job) {
        Ok(answer) => channel.answer(&answer),
        Err(error) => channel.failed(Failure::from(error)),
    }
}

fn unpack(job: &UnpackJob) -> Result<Answer, JobError> {
    let parent = rustix::process::getppid();
    // A fifo by that name shall not make us wait; that it is not a file is found later.
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = File::from(open(&job.archive, flags)?);
    let folder = open(
        &job.target,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW,
    )?;
    let target = DetachedMount::copy_of(folder.as_fd(), &job.target)?;
    target.restrict(MountUse::Data)?;
    let namespace = os_sys::user_namespace(&job.uid_map, &job.gid_map)?;
    target.shift_ids(namespace.as_fd())?;
    drop(folder);
    limit(job)?;
    os_sys::reset_file_context()?;
    os_sys::forbid_new_privileges()?;
    os_sys::enter_user_namespace(namespace.as_fd())?;
    end_with(parent)?;
    os_sys::leave_host(target.as_fd())?;
    // The copy is open as a path only; what is unpacked into has to be open permanently.
    let root = open(Path::new("/"), OFlags::RDONLY | OFlags::DIRECTORY)?;
    // Only now is the archive looked at.
    let archive = Archive::from_file(file, &job.archive)?;
    let limits = archive.limits(job.limits)?;
    let report =
        archive.root(|tar| os_image::unpack(tar, root.as_fd(), &limits).map_err(JobError::from))?;
    let image = archive.info().clone();
    Ok(Answer::Unpacked { image, report })
}

/// Kills this process when osctld dies, because the result would not be used, and the process would keep
/// the pool busy. The kernel resets this when ids change, so call it after the last change.
fn end_with(parent: Option<Pid>) -> Result<(), JobError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|errno| JobError::Parent(errno.into()))?;
    if rustix::process::getppid() == parent {
        return Ok(());
    }
    Err(JobError::Parent(std::io::ErrorKind::NotFound.into()))
}

fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, JobError> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(|e| JobError::Open {
        path: path.to_owned(),
        source: e.into(),
    })
}

fn limit(job: &UnpackJob) -> Result<(), SysError> {
    let limits = [
        ("as", job.memory_bytes),
        ("cpu", job.cpu_seconds),
        ("fsize", job.limits.bytes),
        ("core", 0),
        // One descriptor a directory that is open, and some.
        ("nofile", 1024),
    ];
    for (name, most) in limits {
        os_sys::set_limit(name, Some(most), Some(most))?;
    }
    Ok(())
}
