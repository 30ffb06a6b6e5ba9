//! What most tests begin with.

use std::path::Path;

use anyhow::{Context as _, Result};
use os_testkit::{Daemon, Sandbox};

/// Options of `ct new` for a container whose root is left empty.
pub const NO_IMAGE: &[&str] = &[
    "--skip-image",
    "--distribution",
    "busybox",
    "--version",
    "1",
    "--arch",
    std::env::consts::ARCH,
];

/// A sandbox with a daemon that has the pool `tank`.
///
/// # Errors
/// When there is none.
pub fn with_pool() -> Result<(Sandbox, Daemon)> {
    let sandbox = Sandbox::new()?;
    let daemon = sandbox.start_ready()?;
    sandbox.pool("tank")?;
    Ok((sandbox, daemon))
}

/// Writes a file as an editor would.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    #[expect(clippy::disallowed_methods, reason = "what people do with an editor")]
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
