//! Fault injection: die as a crash would.

use rustix::process::{Signal, getpid, kill_process};

/// Kills the calling process with SIGKILL: no destructor, no flush, no handler runs.
///
/// *Use*: crash tests put it between two steps of a plan.
///
/// *Errors*: returns only if the kernel refused the signal, which it does not do for oneself.
pub fn kill_self() -> Result<(), crate::SysError> {
    kill_process(getpid(), Signal::KILL)
        .map_err(|e| crate::SysError::new("kill", "the calling process", e))
}
