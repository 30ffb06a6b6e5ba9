//! What of the host the monitor is given, opened and copied.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use os_helper_api::{RootSource, StartJob};
use os_sys::{DetachedMount, MountUse, SysError};
use rustix::fs::{FileType, Gid, Mode, OFlags, Uid};

/// The files with the host's accounts that newuidmap(1) and the C library read.
const ACCOUNT_FILES: [&str; 4] = ["passwd", "group", "subuid", "subgid"];

/// Root and the monitor read and write it: `0660 root:ugid`.
const LOG_MODE: Mode = Mode::from_raw_mode(0o660);

/// Why something could not be given to the monitor.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error("cannot open {}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{} is not a regular file", path.display())]
    NoFile { path: PathBuf },
    #[error("cannot use {}", path.display())]
    Use { path: PathBuf, source: SysError },
}

impl SourceError {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Open { path, .. } | Self::NoFile { path } | Self::Use { path, .. } => path,
        }
    }

    pub(super) fn errno(&self) -> Option<i32> {
        match self {
            Self::Open { source, .. } => source.raw_os_error(),
            Self::Use { source, .. } => source.errno(),
            Self::NoFile { .. } => None,
        }
    }
}

/// Copies of mounts that are attached nowhere yet.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) root: DetachedMount,
    pub(super) log: DetachedMount,
    pub(super) helper: DetachedMount,
    /// With the file each one hides.
    pub(super) accounts: Vec<(PathBuf, DetachedMount)>,
}

impl Sources {
    pub(super) fn open(job: &StartJob) -> Result<Self, SourceError> {
        let account = |folder: &Path, name: &str| {
            let source = folder.join(name);
            Ok((
                Path::new("/etc").join(name),
                file(&source, MountUse::ReadOnly)?,
            ))
        };
        let accounts = job
            .etc
            .iter()
            .flat_map(|folder| ACCOUNT_FILES.iter().map(move |name| account(folder, name)));
        Ok(Self {
            root: root(&job.root)?,
            log: log(job)?,
            helper: file(&job.helper, MountUse::ReadOnly)?,
            accounts: accounts.collect::<Result<_, SourceError>>()?,
        })
    }
}

fn root(root: &RootSource) -> Result<DetachedMount, SourceError> {
    let path = &root.path;
    let used = |source| SourceError::Use {
        path: path.clone(),
        source,
    };
    let folder = open(path, OFlags::PATH | OFlags::DIRECTORY)?;
    let copy = DetachedMount::copy_of(folder.as_fd(), path).map_err(used)?;
    copy.restrict(MountUse::Guest).map_err(used)?;
    let namespace = os_sys::user_namespace(&root.uid_map, &root.gid_map).map_err(used)?;
    copy.shift_ids(namespace.as_fd()).map_err(used)?;
    Ok(copy)
}

/// The log is in a closed directory of the pool, where the monitor's user could not get.
fn log(job: &StartJob) -> Result<DetachedMount, SourceError> {
    let path = &job.log;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOCTTY | OFlags::NONBLOCK;
    let fd = open(path, flags)?;
    require_file(&fd, path)?;
    let failed = |source: rustix::io::Errno| SourceError::Open {
        path: path.to_owned(),
        source: source.into(),
    };
    rustix::fs::ftruncate(&fd, 0).map_err(failed)?;
    rustix::fs::fchown(&fd, Some(Uid::ROOT), Some(Gid::from_raw(job.ugid))).map_err(failed)?;
    rustix::fs::fchmod(&fd, LOG_MODE).map_err(failed)?;
    copy(&fd, path, MountUse::Data)
}

fn file(path: &Path, usage: MountUse) -> Result<DetachedMount, SourceError> {
    let fd = open(path, OFlags::PATH)?;
    require_file(&fd, path)?;
    copy(&fd, path, usage)
}

fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, SourceError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, LOG_MODE).map_err(|e| SourceError::Open {
        path: path.to_owned(),
        source: e.into(),
    })
}

fn require_file(fd: &OwnedFd, path: &Path) -> Result<(), SourceError> {
    let stat = rustix::fs::fstat(fd).map_err(|e| SourceError::Open {
        path: path.to_owned(),
        source: e.into(),
    })?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        _ => Err(SourceError::NoFile {
            path: path.to_owned(),
        }),
    }
}

fn copy(fd: &OwnedFd, path: &Path, usage: MountUse) -> Result<DetachedMount, SourceError> {
    let used = |source| SourceError::Use {
        path: path.to_owned(),
        source,
    };
    let copy = DetachedMount::copy_of(fd.as_fd(), path).map_err(used)?;
    copy.restrict(usage).map_err(used)?;
    Ok(copy)
}
