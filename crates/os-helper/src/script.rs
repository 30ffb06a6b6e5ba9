//! A script of the administrator in the mount namespace of a container that is being started.
//!
//! The script lies in a closed folder of the pool, which is not to be seen from in there: it is opened
//! before, and run by its descriptor. It is root on the host; of the container it has only the mounts.

use std::ffi::OsString;
use std::os::fd::AsRawFd as _;
use std::process::ExitCode;

use os_sys::PidFd;
use rustix::fs::{Mode, OFlags};

/// Runs with three arguments: a process in the mount namespace, its start time in clock ticks, and
/// the script. The environment is the script's. Status 125 if it could not be run.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let number = |text: &OsString| text.to_str()?.parse::<u64>().ok();
    let [pid, start, script] = args else {
        return crate::usage("script takes a process, its start time and a file");
    };
    let Some((pid, start)) = number(pid).zip(number(start)) else {
        return crate::usage("script: this is no number");
    };
    let error = match become_it(pid, start, script) {
        Ok(error) => error,
        Err(text) => text,
    };
    crate::say(&error, ExitCode::from(125))
}

/// Becomes the script; what comes back is why not.
fn become_it(pid: u64, start: u64, script: &OsString) -> Result<String, String> {
    let gone = || "the container is gone".to_owned();
    // Not closed at exec: the interpreter of a script opens it again.
    let opened = rustix::fs::open(script, OFlags::RDONLY, Mode::empty());
    let opened = opened.map_err(|error| format!("cannot open {}: {error}", script.display()))?;
    let pid = u32::try_from(pid).map_err(|_too_large| gone())?;
    let held = PidFd::open(pid).map_err(|error| os_types::chain(&error))?;
    let held = held.ok_or_else(gone)?;
    if crate::process::start_time(pid) != Some(start) {
        return Err(gone());
    }
    os_sys::enter_mount_namespace(&held).map_err(|error| os_types::chain(&error))?;
    let path = format!("/proc/self/fd/{}", opened.as_raw_fd());
    let environment = std::env::vars_os();
    let environment = environment.filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value))
    });
    let error = os_sys::exec(path.as_ref(), &[script], environment);
    Ok(os_types::chain(&error))
}
