//! Waiting for facts.

use std::time::Duration;

use anyhow::{Context as _, Result};
use os_testkit::Sandbox;
use serde_json::Value;

/// Calls `look` until it finds something, for at most 30 s.
///
/// # Errors
/// When it finds nothing, or fails.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let found = os_sys::patience::until(Duration::from_secs(30), look)?;
    found.with_context(|| format!("waited in vain for {what}"))
}

/// Waits until all operations have ended. Those that may wait for guests go on although the daemon is ready.
///
/// # Errors
/// When one of them has not ended after 30 s.
pub fn until_idle(sandbox: &Sandbox) -> Result<()> {
    let ended = ["finished", "reverted", "cancelled", "failed"];
    wait_for("the end of all operations", || {
        let all = sandbox.request("GET", "/v1/operations", None)?.json()?;
        let all = all.as_array().context("a list")?;
        let has_ended = |now: &Value| now["state"].as_str().is_some_and(|s| ended.contains(&s));
        Ok(all.iter().all(has_ended).then_some(()))
    })
}
