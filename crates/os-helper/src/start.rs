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
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use os_lxc::{LaunchFailure, LaunchSpec, RlimitValue};
use os_sys::SysError;

use self::sources::{SourceError, Sources};
use crate::specification;

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
    #[error("there is no command to run")]
    NoCommand,
}

pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let spec: LaunchSpec = match specification::read(args) {
        Ok(spec) => spec,
        Err(complaint) => return crate::usage(&complaint),
    };
    let status = match specification::descriptor(spec.status_fd, File::options().write(true)) {
        Ok(status) => status,
        Err(error) => return crate::usage(&format!("start: the status descriptor: {error}")),
    };
    // Success is the end of this program.
    let error = launch(&spec);
    report(status, &failure_of(&error))
}

/// Does all of it; returns only if it fails.
fn launch(spec: &LaunchSpec) -> StartError {
    match prepare(spec) {
        Ok(()) => os_sys::exec(
            spec.lxc_program.as_path(),
            &spec.arguments(),
            environment(spec),
        )
        .into(),
        Err(error) => error,
    }
}

fn prepare(spec: &LaunchSpec) -> Result<(), StartError> {
    if spec.init.is_empty() {
        return Err(StartError::NoCommand);
    }
    os_sys::reset_file_context()?;
    allow_oom_kill();
    for limit in &spec.rlimits {
        let value = |it| match it {
            RlimitValue::Unlimited => None,
            RlimitValue::Limited(most) => Some(most),
        };
        os_sys::set_limit(&limit.resource, value(limit.soft), value(limit.hard))?;
    }
    let sources = Sources::open(spec)?;
    os_sys::leave_mount_namespace()?;
    view::attach(spec, sources)?;
    view::let_go(spec)?;
    redirect(spec)?;
    os_sys::become_user(spec.ugid)?;
    os_sys::close_others_at_exec()?;
    Ok(())
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
fn redirect(spec: &LaunchSpec) -> Result<(), StartError> {
    let open = |path: PathBuf, options: &std::fs::OpenOptions| {
        options
            .open(&path)
            .map_err(|source| StartError::Stage { path, source })
    };
    let null = open("/dev/null".into(), File::options().read(true))?;
    let log = open(spec.stage.log().into(), File::options().append(true))?;
    os_sys::set_standard_streams(null.as_fd(), log.as_fd())?;
    Ok(())
}

fn environment(spec: &LaunchSpec) -> Vec<(&'static str, String)> {
    // newuidmap(1) is beside LXC's programs, or where hosts have such programs.
    let own = spec.lxc_program.as_path().parent().map(Path::display);
    let own = own.map_or_else(String::new, |folder| format!(":{folder}"));
    let path = format!("/usr/sbin:/usr/bin:/sbin:/bin{own}");
    vec![
        ("PATH", path),
        ("HOME", spec.home.as_str().to_owned()),
        ("XDG_RUNTIME_DIR", spec.runtime_dir.as_str().to_owned()),
        ("LC_ALL", "C".to_owned()),
        ("TERM", "linux".to_owned()),
    ]
}

fn failure_of(error: &StartError) -> LaunchFailure {
    let (object, errno) = match error {
        StartError::System(error) => (Some(error.object().to_owned()), error.errno()),
        StartError::Source(error) => (Some(error.path().display().to_string()), error.errno()),
        StartError::Stage { path, source } => {
            (Some(path.display().to_string()), source.raw_os_error())
        }
        StartError::NoCommand => (None, None),
    };
    LaunchFailure {
        message: os_types::chain(error),
        object,
        errno,
    }
}

fn report(mut status: File, failure: &LaunchFailure) -> ExitCode {
    let sent = serde_json::to_writer(&status, failure).map_err(std::io::Error::from);
    match sent.and_then(|()| status.write_all(b"\n")) {
        Ok(()) => ExitCode::FAILURE,
        Err(_) => crate::usage(&failure.message),
    }
}
