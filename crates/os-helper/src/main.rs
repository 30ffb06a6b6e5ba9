//! Whatever must happen in another namespace or as another user, in a process of its own.
//!
//! A small program with one thread, started by osctld (or by LXC) for one job; then it ends, or
//! becomes another program. It can do what osctld must not: change its namespaces, its user, its
//! root (law 6, and "never in a tokio process").
//!
//! ```text
//!   os-helper job            a job of os_helper_api, on descriptor 0:
//!     start                    become the monitor of a container
//!     enter                    run a command in a container, for a client
//!     guest                    write something inside a guest, confined
//!     unpack                   unpack an archive into a new root, confined
//!   os-helper hook ...       tell osctld about a hook of LXC and wait for its answer
//!   os-helper script ...     run a script that sees the root of a container that is being started
//! ```
//!
//! What to do in a job comes from a descriptor, never from arguments, which everybody on the host can
//! read.
//!
//! Invariants: it trusts its job, which root has written, and nothing else; what can fail is reported as
//! data, never as a bare exit status; it starts no thread.
//!
//! To add a job add it to `os_helper_api::Job`, write `noun.rs`, and call it in `job.rs`.
#![forbid(unsafe_code)]

mod channel;
mod enter;
mod groups;
mod guest;
mod hook;
mod job;
mod process;
mod script;
mod start;
mod unpack;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((name, [])) if name == "job" => job::run(),
        Some((name, rest)) if name == "hook" => hook::run(rest),
        Some((name, rest)) if name == "script" => script::run(rest),
        _ => usage("osctld and LXC run this program with job, hook or script"),
    }
}

/// Reports invalid arguments. Only other programs start this one, so status 2 means a bug in them.
fn usage(complaint: &str) -> ExitCode {
    say(complaint, ExitCode::from(2))
}

/// Prints a text to standard error and returns this status, or 3 if standard error is closed.
fn say(text: &str, status: ExitCode) -> ExitCode {
    let line = format!("os-helper: {text}\n");
    match std::io::stderr().write_all(line.as_bytes()) {
        Ok(()) => status,
        Err(_) => ExitCode::from(3),
    }
}
