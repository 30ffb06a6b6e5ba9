//! Becoming the command.

use std::ffi::OsStr;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::exit;

use os_helper_api::EnterJob;
use rustix::io::Errno;

use super::Refusal;
use super::bounds::Bounds;
use super::filter::Filter;

/// Turns this process into the command; what comes back is why not.
pub(super) fn become_it(
    job: &EnterJob,
    streams: &[OwnedFd],
    is_terminal: bool,
    confinement: (Bounds, &Filter),
) -> Refusal {
    match prepare(streams, is_terminal, confinement) {
        Ok(()) => run(job),
        Err(refusal) => refusal,
    }
}

fn prepare(
    streams: &[OwnedFd],
    is_terminal: bool,
    (bounds, filter): (Bounds, &Filter),
) -> Result<(), Refusal> {
    let system = |error: os_sys::SysError| Refusal::new(os_types::chain(&error));
    rustix::process::setsid().map_err(Refusal::new)?;
    let [input, output, errors] = streams else {
        return Err(Refusal::new("there have to be three streams"));
    };
    rustix::stdio::dup2_stdin(input).map_err(Refusal::new)?;
    rustix::stdio::dup2_stdout(output).map_err(Refusal::new)?;
    rustix::stdio::dup2_stderr(errors).map_err(Refusal::new)?;
    if is_terminal {
        rustix::process::ioctl_tiocsctty(std::io::stdin()).map_err(Refusal::new)?;
    }
    os_sys::reset_file_context().map_err(system)?;
    // A guest without it works all the same, from the root.
    rustix::process::chdir("/root").unwrap_or_default();
    os_sys::close_others_at_exec().map_err(system)?;
    bounds.hold()?;
    filter.install().map_err(Refusal::new)
}

/// Runs the program, looked for as a shell does it.
fn run(job: &EnterJob) -> Refusal {
    let Some(name) = job.argv.first() else {
        return Refusal::new("there is no command");
    };
    let environment = || job.environment.iter().map(|(name, value)| (name, value));
    let mut denied = None;
    for program in candidates(name, &job.environment) {
        let error = os_sys::exec(&program, &job.argv, environment());
        match error.errno().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NOTDIR) => {}
            _ => {
                denied.get_or_insert(error);
            }
        }
    }
    match denied {
        Some(error) => Refusal {
            status: 126,
            message: os_types::chain(&error),
        },
        None => Refusal {
            status: 127,
            message: format!("there is no command {name:?} in the container"),
        },
    }
}

fn candidates(name: &str, environment: &[(String, String)]) -> Vec<PathBuf> {
    if name.contains('/') {
        return vec![PathBuf::from(name)];
    }
    let path = environment.iter().find(|(name, _)| name == "PATH");
    let path = path.map_or("/usr/sbin:/usr/bin:/sbin:/bin", |(_, value)| value.as_str());
    let folders = std::env::split_paths(OsStr::new(path));
    folders.map(|folder| folder.join(Path::new(name))).collect()
}

/// Tells the other process why not, and ends.
#[expect(clippy::exit, reason = "a child of a fork has nothing to return to")]
pub(super) fn report(mut saying: PipeWriter, refusal: &Refusal) -> ! {
    let line = format!("{}\n{}", refusal.status, refusal.message);
    let told = saying.write_all(line.as_bytes());
    exit(if told.is_ok() { 125 } else { 124 })
}

/// What the process says that was to become the command; `None` once it has become it.
pub(super) fn refusal(said: &mut PipeReader) -> Option<Refusal> {
    let mut text = String::new();
    if said.read_to_string(&mut text).is_err() || text.is_empty() {
        return None;
    }
    let (status, message) = text.split_once('\n').unwrap_or(("125", &text));
    Some(Refusal {
        status: status.parse().unwrap_or(125),
        message: message.to_owned(),
    })
}
