//! Whatever must happen in another namespace or as another user, in a process of its own.
//!
//! A small program with one thread, started by osctld (or by LXC) for one job; then it ends, or
//! becomes another program. It can do what osctld must not: change its namespaces, its user, its
//! root (law 6, and "never in a tokio process").
//!
//! ```text
//!   os-helper start FD       become the monitor of a container (decision 11 of the design)
//!   os-helper enter FD       run a command in a container, for a client
//!   os-helper guest FD       write something inside a guest, confined
//!   os-helper hook ...       tell osctld about a hook of LXC and wait for its answer
//!   os-helper script ...     run a script in the mount namespace of a container
//!   os-helper unpack FD      unpack an archive into a new root, confined
//! ```
//!
//! What to do comes from a descriptor (FD, the number of a sealed memory file or a pipe with JSON),
//! never from arguments, which everybody on the host can read.
//!
//! Invariants: it trusts its specification, which root has written, and nothing else; what can fail
//! is reported as data, never as a bare exit status; it starts no thread.
//!
//! To add a job write `noun.rs` with `pub(crate) fn run(args: &[OsString]) -> ExitCode` and a line
//! in [`JOBS`].
#![forbid(unsafe_code)]

mod enter;
mod guest;
mod hook;
mod process;
mod script;
mod specification;
mod start;
mod unpack;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// One job: its name on the command line, and the function that does it.
type Job = (&'static str, fn(&[OsString]) -> ExitCode);

/// Everything this program can do.
const JOBS: &[Job] = &[
    ("enter", enter::run),
    ("guest", guest::run),
    ("hook", hook::run),
    ("script", script::run),
    ("start", start::run),
    ("unpack", unpack::run),
];

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        return usage("which job?");
    };
    match JOBS.iter().find(|(job, _)| *name == *job) {
        Some((_, run)) => run(rest),
        None => usage(&format!("there is no job {}", name.display())),
    }
}

/// Says what jobs there are. This program is started by other programs: status 2 is a bug of theirs.
fn usage(complaint: &str) -> ExitCode {
    let jobs: Vec<_> = JOBS.iter().map(|(name, _)| *name).collect();
    let text = format!("{complaint} (jobs: {})", jobs.join(", "));
    say(&text, ExitCode::from(2))
}

/// Says something on standard error and ends with this status, or with 3 if nobody listens.
fn say(text: &str, status: ExitCode) -> ExitCode {
    let line = format!("os-helper: {text}\n");
    match std::io::stderr().write_all(line.as_bytes()) {
        Ok(()) => status,
        Err(_) => ExitCode::from(3),
    }
}
