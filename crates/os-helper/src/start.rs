//! Becoming the monitor of a container.
//!
//! Started by osctld as root. What it does is a list of steps; none needs to be undone, for all of it
//! vanishes with the process:
//!
//! ```text
//!   open what is needed ─ copy it as detached mounts ─ shift the root's ids
//!     ─ leave the host's mount namespace ─ attach the copies at the stage
//!     ─ let go of every mount that LXC does not need
//!     ─ join the container's control groups ─ end if osctld has gone
//!     ─ become the container's user ─ exec lxc-start
//! ```
//!
//! Copies are made before leaving, since the kernel copies mounts of one's own namespace only. Control
//! groups are joined late: the first to join one in a while waits for a grace period of RCU, during which
//! the steps before it are done. An osctld that was started after a crash finds what it has to kill in
//! the groups; so a process that joins them after the end of its osctld goes no further.

mod sources;
mod view;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;

use os_helper_api::{RlimitValue, StartJob};
use os_lxc::{ConfigPath, Stage, ValueError};
use os_sys::SysError;
use os_types::{Code, Failure};

use self::sources::{SourceError, Sources};
use crate::channel::Channel;
use crate::groups::join_groups;

/// Why LXC was not started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    System(#[from] SysError),
    #[error("cannot prepare {}", path.display())]
    Stage {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the stage cannot be named in LXC's configuration")]
    Name(#[from] ValueError),
    #[error("there is no command to run")]
    NoCommand,
    #[error("cannot join a control group of the container")]
    Group(#[source] std::io::Error),
    #[error("osctld has ended")]
    Abandoned,
}

pub(crate) fn run(job: &StartJob, groups: Vec<OwnedFd>, channel: Channel) -> ExitCode {
    // Success is the end of this program, which closes the channel.
    let error = launch(job, groups, &channel);
    channel.failed(failure_of(&error))
}

/// Does all of it; returns only if it fails.
fn launch(job: &StartJob, groups: Vec<OwnedFd>, channel: &Channel) -> StartError {
    match prepare(job, groups, channel) {
        Ok(stage) => {
            os_sys::exec(&job.lxc_program, &arguments(job, &stage), environment(job)).into()
        }
        Err(error) => error,
    }
}

fn prepare(job: &StartJob, groups: Vec<OwnedFd>, channel: &Channel) -> Result<Stage, StartError> {
    if job.init.is_empty() {
        return Err(StartError::NoCommand);
    }
    os_sys::reset_file_context()?;
    allow_oom_kill();
    for limit in &job.rlimits {
        let value = |it| match it {
            RlimitValue::Unlimited => None,
            RlimitValue::Limited(most) => Some(most),
        };
        os_sys::set_limit(&limit.resource, value(limit.soft), value(limit.hard))?;
    }
    let stage = Stage::new(ConfigPath::new(&job.stage)?);
    let sources = Sources::open(job)?;
    os_sys::leave_mount_namespace()?;
    view::attach(&stage, sources)?;
    view::let_go(&stage, job)?;
    redirect(&stage)?;
    join_groups(groups).map_err(StartError::Group)?;
    if !channel.has_reader() {
        return Err(StartError::Abandoned);
    }
    os_sys::become_user(job.ugid)?;
    os_sys::close_others_at_exec()?;
    Ok(stage)
}

/// The command line of LXC's program, its own name first.
fn arguments(job: &StartJob, stage: &Stage) -> Vec<OsString> {
    let (log, level) = (stage.log(), if job.debug { "DEBUG" } else { "NOTICE" });
    let mut args: Vec<OsString> = vec![
        job.lxc_program.clone().into(),
        "-P".into(),
        job.lxc_path.clone().into(),
        "-n".into(),
        job.id.as_str().into(),
        "-o".into(),
        log.as_str().into(),
        "-l".into(),
        level.into(),
        // Not on standard error too: that is the same file.
        "-q".into(),
        // LXC splits `lxc.init.cmd` at blanks and has no quotes, so the command line is given here.
        "-F".into(),
        "--".into(),
    ];
    args.extend(job.init.iter().map(OsString::from));
    args
}

/// Lets the kernel kill the container's processes for memory like any others, however osctld is
/// protected. Written as root, this is also the least a guest can set for itself.
fn allow_oom_kill() {
    let opened = File::options().write(true).open("/proc/self/oom_score_adj");
    // Refused where this program is itself in a container and its own value is higher: fine.
    match opened.and_then(|mut file| file.write_all(b"0")) {
        Ok(()) | Err(_) => {}
    }
}

/// The standard streams of a monitor go into the log of the container.
fn redirect(stage: &Stage) -> Result<(), StartError> {
    let open = |path: PathBuf, options: &std::fs::OpenOptions| {
        options
            .open(&path)
            .map_err(|source| StartError::Stage { path, source })
    };
    let null = open("/dev/null".into(), File::options().read(true))?;
    let log = open(stage.log().into(), File::options().append(true))?;
    os_sys::set_standard_streams(null.as_fd(), log.as_fd())?;
    Ok(())
}

fn environment(job: &StartJob) -> Vec<(&'static str, OsString)> {
    // newuidmap(1) is beside LXC's programs, or where hosts have such programs.
    let mut path = OsString::from("/usr/sbin:/usr/bin:/sbin:/bin");
    if let Some(own) = job.lxc_program.parent() {
        path.push(":");
        path.push(own);
    }
    vec![
        ("PATH", path),
        ("HOME", job.home.clone().into()),
        ("XDG_RUNTIME_DIR", job.runtime_dir.clone().into()),
        ("LC_ALL", "C".into()),
        ("TERM", "linux".into()),
    ]
}

/// `ENOSPC` and `EDQUOT`, errno(3).
const NO_SPACE: [i32; 2] = [28, 122];

fn failure_of(error: &StartError) -> Failure {
    let (object, errno) = match error {
        StartError::System(error) => (Some(error.object().to_owned()), error.errno()),
        StartError::Source(error) => (Some(error.path().display().to_string()), error.errno()),
        StartError::Stage { path, source } => {
            (Some(path.display().to_string()), source.raw_os_error())
        }
        // Its errno is about the group: `ENOSPC` of one without processors.
        StartError::Group(_)
        | StartError::Name(_)
        | StartError::NoCommand
        | StartError::Abandoned => (None, None),
    };
    let code = match errno {
        Some(errno) if NO_SPACE.contains(&errno) => Code::NoSpace,
        _ => Code::Start,
    };
    Failure {
        object,
        ..Failure::new(code, os_types::chain(error))
    }
}
