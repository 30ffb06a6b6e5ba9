//! The command line of osctld.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    osctl::main()
}
