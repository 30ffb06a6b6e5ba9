//! A process that cannot be confused with a later one of the same number.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::SysError;

/// A pidfd together with the pid it was opened for.
#[derive(Debug)]
pub struct PidFd {
    fd: OwnedFd,
    pid: u32,
}

impl PidFd {
    /// Opens a process by number. `None` if there is none.
    ///
    /// For a pid that is not our child the number may have been reused *before* the call; compare
    /// what identifies the process (start time, cgroup) after opening.
    pub fn open(pid: u32) -> Result<Option<Self>, SysError> {
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        match pidfd_open(raw, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self { fd, pid })),
            Err(rustix::io::Errno::SRCH) => Ok(None),
            Err(e) => Err(SysError::new("open process", pid.to_string(), e)),
        }
    }

    /// A descriptor that the kernel gave, and the number of its process.
    pub(crate) fn from_parts(fd: OwnedFd, pid: u32) -> Self {
        Self { fd, pid }
    }

    /// The number the process has or had.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal. `false` if the process is gone already.
    pub fn send_signal(&self, signal: Signal) -> Result<bool, SysError> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(e) => Err(SysError::new("signal process", self.pid.to_string(), e)),
        }
    }

    /// Waits until the process has ended. `false` if the time ran out first.
    ///
    /// Does not reap: a child of this process stays a zombie until it is waited for.
    pub fn wait_exit(&self, timeout: Duration) -> Result<bool, SysError> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or(Timespec {
                tv_sec: i64::MAX,
                tv_nsec: 0,
            });
            match poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(SysError::new("wait for process", self.pid.to_string(), e)),
            }
        }
    }
}

/// The signal of a number, real-time signals as glibc counts them included (`SIGRTMIN` is 34).
///
/// *Errors*: `None` for an invalid signal number: outside of 1 to 64, or one that the C library keeps for
/// itself (32 and 33). *Source*: signal(7).
pub fn signal_of(number: i32) -> Option<Signal> {
    if !(1..=64).contains(&number) || matches!(number, 32 | 33) {
        return None;
    }
    // SAFETY: the number is that of a signal of Linux, and not one that the C library keeps for
    // itself; both were checked above.
    Some(unsafe { Signal::from_raw_unchecked(number) })
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SpawnRequest, spawn};

    #[test]
    fn waits_with_a_deadline_and_sees_the_end() {
        let mut child = spawn(SpawnRequest::new("/bin/sleep").arg("60")).unwrap();
        assert!(!child.pidfd().wait_exit(Duration::from_millis(20)).unwrap());
        assert!(child.pidfd().send_signal(Signal::KILL).unwrap());
        assert!(child.pidfd().wait_exit(Duration::from_secs(10)).unwrap());
        let status = child.wait(Duration::from_secs(10)).unwrap().unwrap();
        assert!(!status.success());
        assert!(!child.pidfd().send_signal(Signal::KILL).unwrap());
    }

    #[test]
    fn no_such_process_is_none() {
        assert!(PidFd::open(0).unwrap().is_none());
        assert!(PidFd::open(u32::MAX).unwrap().is_none());
    }
}
