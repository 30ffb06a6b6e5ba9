//! A running osctld.

use std::process::{Child, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail};
use os_sys::{PidFd, Signal};

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    pidfd: PidFd,
}

impl Daemon {
    pub(crate) fn new(child: Child) -> anyhow::Result<Self> {
        let pidfd = PidFd::open(child.id())?.context("the daemon is gone already")?;
        Ok(Self { child, pidfd })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it has not ended after `timeout`.
    pub fn wait(mut self, timeout: Duration) -> anyhow::Result<ExitStatus> {
        if !self.pidfd.wait_exit(timeout)? {
            bail!("osctld {} has not ended after {timeout:?}", self.pid());
        }
        Ok(self.child.wait()?)
    }

    /// True while it runs.
    pub fn is_running(&self) -> bool {
        !self.pidfd.wait_exit(Duration::ZERO).unwrap_or(true)
    }

    /// Ends it as an administrator does, with SIGTERM.
    ///
    /// # Errors
    /// When it does not end within 30 s, or not with success.
    pub fn stop(self) -> anyhow::Result<()> {
        self.pidfd.send_signal(Signal::TERM)?;
        let status = self.wait(PATIENCE)?;
        if !status.success() {
            bail!("osctld ended with {status}");
        }
        Ok(())
    }

    /// Ends it as a crash does, with SIGKILL.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(self) -> anyhow::Result<()> {
        self.pidfd.send_signal(Signal::KILL)?;
        self.wait(PATIENCE).map(drop)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.is_running() {
            // A failed test cannot handle another error; the sandbox checks for leaks.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
