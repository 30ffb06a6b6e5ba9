//! Waiting for facts.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// Calls `look` until it finds something, for at most 30 s.
///
/// # Errors
/// When it finds nothing, or fails.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let found = os_sys::patience::until(Duration::from_secs(30), look)?;
    found.with_context(|| format!("waited in vain for {what}"))
}
