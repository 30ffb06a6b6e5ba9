//! Becoming the monitor of a container.
//!
//! Started by osctld as root, in the control groups of the container. What it does is a list of
//! steps; none needs to be undone, for all of it vanishes with the process:
//!
//! ```text
//!   open what is needed ─ copy it as detached mounts ─ shift the root's ids
//!     ─ leave the host's mount namespace ─ attach the copies at the stage
//!     ─ let go of every mount that LXC does not need
//!     ─ become the container's user ─ exec lxc-start
//! ```
//!
//! Copies are made before leaving, since the kernel copies mounts of one's own namespace only.

mod sources;
mod view;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;

use os_helper_api::{RlimitValue, StartJob};
use os_lxc::{ConfigPath, Stage, ValueError};
use os_sys::SysError;
use os_types::{Code, Failure};

use self::sources::{SourceError, Sources};
use crate::channel::Channel;

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
}

pub(crate) fn run(job: &StartJob, channel: Channel) -> ExitCode {
    // Success is the end of this program, which closes the channel.
    channel.failed(failure_of(&launch(job)))
}

/// Does all of it; returns only if it fails.
fn launch(job: &StartJob) -> StartError {
    match prepare(job) {
        Ok(stage) => {
            os_sys::exec(&job.lxc_program, &arguments(job, &stage), environment(job)).into()
        }
        Err(error) => error,
    }
}

fn prepare(job: &StartJob) -> Result<Stage, StartError> {
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
    view::let_go(job)?;
    redirect(&stage)?;
    os_sys::become_user(job.ugid)?;
    os_sys::close_others_at_exec()?;
    Ok(stage)
}

/// The command line of LXC's program, its own name first.
fn arguments(job: &StartJob, stage: &Stage) -> Vec<OsString> {
    let (log, level) = (stage.log(), if job.debug { "DEBUG" } else { "INFO" });
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
        StartError::Name(_) | StartError::NoCommand => (None, None),
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
