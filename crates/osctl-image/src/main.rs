//! `osctl-image`: build images, check them, make them from a distribution's tarball, and put them into
//! a repository directory.
//!
//! It needs neither a daemon nor a pool, and root only for `build debian`. Data goes to standard output, the rest to
//! standard error; exit codes are those of `osctl`.
//!
//! Start reading at `args.rs`, what can be asked, and `run.rs`, what is done.
#![forbid(unsafe_code)]

mod args;
mod output;
mod run;
mod show;

use std::process::ExitCode;

use clap::Parser as _;

use args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    match run::run(args.command, args.json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.code.exit())
        }
    }
}
