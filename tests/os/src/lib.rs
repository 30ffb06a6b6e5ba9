//! How the tests of `os/` ask Nix, and apt. Nothing is built, so neither root nor a store is needed, and
//! no network: [`mirror`] is one of Debian's of our own.
#![forbid(unsafe_code)]

pub mod mirror;

use std::path::{Path, PathBuf};
use std::time::Duration;

use os_cmd::{CommandError, HostRunner, Invocation, Runner as _};

/// An evaluation takes a second; on a busy machine several.
const DEADLINE: Duration = Duration::from_mins(1);

/// The directory `os/` of this repository.
pub fn os_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../os")
}

/// Runs one of the scripts in `os/`.
pub fn script(path: &str) -> Result<String, CommandError> {
    run(Invocation::new(
        os_folder().join(path).display().to_string(),
    ))
}

/// What an attribute of `os/default.nix` is for a host, as JSON.
///
/// *Errors*: what Nix says about the configuration is the standard error of the failure.
pub fn evaluate(attribute: &str, configuration: &str) -> Result<String, CommandError> {
    run(Invocation::new("nix-instantiate")
        .args(["--store", "dummy://", "--eval", "--strict", "--json"])
        .arg(os_folder())
        .args(["-A", attribute, "--arg", "configuration", configuration]))
}

/// Runs a program, with a home of its own.
pub(crate) fn run(invocation: Invocation) -> Result<String, CommandError> {
    let home = std::env::temp_dir();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let invocation = invocation
        .env("HOME", home)
        .env("PATH", path)
        .deadline(DEADLINE)
        .output_limit(4 << 20);
    HostRunner::new()
        .run(invocation)
        .map(|output| output.text())
}
