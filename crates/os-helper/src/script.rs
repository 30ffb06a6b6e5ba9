//! A script of the administrator that may mount something into a container that is being started.
//!
//! It runs in a copy of the host's mounts, where it finds its interpreter, its libraries and every program
//! that it calls, and never in the mount namespace of the container: that one belongs to the container's
//! user, who can mount anything in it. The root of the container is attached to the copy as a peer of
//! the mount in the monitor's namespace, so what the script mounts into it appears in the container (ADR-14).

use std::ffi::OsString;
use std::process::ExitCode;

use os_lxc::{ConfigPath, Stage};
use os_sys::{DetachedMount, PidFd, SysError};

/// Runs with four arguments: the monitor, its start time in clock ticks, the stage, and the script. The
/// environment is the script's. Status 125 if it could not be run.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let number = |text: &OsString| text.to_str()?.parse::<u64>().ok();
    let [pid, start, stage, script] = args else {
        return crate::usage("script takes a monitor, its start time, a stage and a file");
    };
    let Some((pid, start)) = number(pid).zip(number(start)) else {
        return crate::usage("script: this is not a number");
    };
    let error = match prepare(pid, start, stage) {
        Ok(()) => os_types::chain(&os_sys::exec(
            script.as_ref(),
            &[script],
            std::env::vars_os(),
        )),
        Err(text) => text,
    };
    crate::say(&error, ExitCode::from(125))
}

fn prepare(pid: u64, start: u64, stage: &OsString) -> Result<(), String> {
    let monitor = u32::try_from(pid).map_err(|_too_large| "there is no such process".to_owned());
    let monitor = crate::process::hold(monitor?, start)?;
    let stage = ConfigPath::new(stage).map_err(|error| os_types::chain(&error))?;
    let stage = Stage::new(stage);
    attach(&monitor, &stage).map_err(|error| os_types::chain(&error))
}

/// Leaves the host's mount namespace for a copy of it, in which the root of the container is attached.
fn attach(monitor: &PidFd, stage: &Stage) -> Result<(), SysError> {
    // Nothing but root can have changed the namespace of the monitor.
    let root =
        os_sys::in_mount_namespace(monitor, || DetachedMount::peer_of(stage.root().as_path()))?;
    os_sys::leave_mount_namespace()?;
    os_sys::mount_stage(stage.folder().as_path())?;
    os_sys::make_directory(stage.mount().as_path())?;
    root.attach(stage.mount().as_path())
}
