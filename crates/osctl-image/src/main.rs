//! `osctl-image`: build images, check them, make them from a distribution's tarball, and put them into
//! a repository folder.
//!
//! It needs neither a daemon nor a pool, and root only for `build debian`. Data goes to standard output, the rest to
//! standard error; exit codes are those of `osctl`.
//!
//! Start reading at `args.rs`, what can be asked, and `run.rs`, what is done.
#![forbid(unsafe_code)]

/// A line for people, on standard error. Nobody may be reading: that is no error.
macro_rules! note {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stderr(), $($arg)*));
    }};
}

mod args;
mod run;
mod show;

use std::process::ExitCode;

use clap::Parser as _;
use os_types::Failure;

use args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    match run::run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure);
            ExitCode::from(failure.code.exit())
        }
    }
}

fn report(failure: &Failure) {
    let code = failure.code;
    note!("error: {}", printable(&failure.message));
    if let Some(next) = &failure.next {
        note!("hint: {}", printable(next));
    }
    note!("({code}; osctl help {code})");
}

/// Text that may have come out of an image, without what a terminal would obey.
fn printable(text: &str) -> String {
    let escape = |c: char| {
        let harmful = c.is_control() && c != '\n';
        if harmful {
            c.escape_debug().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}
