//! Becoming another program.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::SysError;

/// Runs another program in this process; returns only if that fails.
///
/// The first argument is the name that the program sees for itself. The environment is exactly
/// `env`. Signals that Rust's start-up code ignores are as at the start of a process again.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is started: the process becomes the program"
)]
pub fn exec<A: AsRef<OsStr>>(
    program: &Path,
    args: &[A],
    env: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
) -> SysError {
    let mut command = Command::new(program);
    if let Some((name, rest)) = args.split_first() {
        command.arg0(name).args(rest);
    }
    let source = command.env_clear().envs(env).exec();
    SysError::path("run", program, source)
}
