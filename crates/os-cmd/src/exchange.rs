//! Talking to a running program until it has ended: one poll loop over all its streams.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use os_sys::{Child, Signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{CommandError, Output};

/// How much of standard error is kept: enough for any message, too little to fill a log.
pub(crate) const STDERR_LIMIT: usize = 8 << 10;

/// How long a killed program may take to disappear before it is left to the kernel.
pub(crate) const KILL_GRACE: Duration = Duration::from_secs(10);

/// Our ends of the pipes of one program.
pub(crate) struct Exchange {
    command: String,
    deadline: Duration,
    limit: usize,
    cancel: Option<OwnedFd>,
    stdin: Option<(PipeWriter, Vec<u8>, usize)>,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    output: Vec<u8>,
    errors: Tail,
}

/// Which streams have something to do.
struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    ended: bool,
    cancelled: bool,
}

impl Exchange {
    pub(crate) fn new(command: String, deadline: Duration, limit: usize) -> Self {
        Self {
            command,
            deadline,
            limit,
            cancel: None,
            stdin: None,
            stdout: None,
            stderr: None,
            output: Vec::new(),
            errors: Tail::default(),
        }
    }

    pub(crate) fn cancel_on(&mut self, fd: Option<OwnedFd>) {
        self.cancel = fd;
    }

    pub(crate) fn feed(&mut self, pipe: PipeWriter, bytes: Vec<u8>) -> Result<(), CommandError> {
        set_nonblocking(&pipe).map_err(|e| self.lost(e))?;
        self.stdin = Some((pipe, bytes, 0));
        Ok(())
    }

    pub(crate) fn capture(&mut self, pipe: PipeReader) -> Result<(), CommandError> {
        set_nonblocking(&pipe).map_err(|e| self.lost(e))?;
        self.stdout = Some(pipe);
        Ok(())
    }

    pub(crate) fn listen(&mut self, pipe: PipeReader) -> Result<(), CommandError> {
        set_nonblocking(&pipe).map_err(|e| self.lost(e))?;
        self.stderr = Some(pipe);
        Ok(())
    }

    /// Serves the streams until the program has ended and all of them are closed.
    ///
    /// The leader stays unreaped until then: a grandchild that still holds a stream can be reached
    /// through the group number, which is the leader's.
    pub(crate) fn finish(mut self, mut child: Child) -> Result<Output, CommandError> {
        let result = self.serve(&child);
        if let Err(error) = result {
            kill(&mut child);
            return Err(error);
        }
        match child.wait(KILL_GRACE) {
            Ok(Some(status)) if status.success() => Ok(Output {
                stdout: self.output,
                stderr: self.errors.text(),
            }),
            Ok(Some(status)) => Err(CommandError::Failed {
                status,
                stderr: self.errors.text(),
                command: self.command,
            }),
            Ok(None) => Err(self.lost(io::ErrorKind::TimedOut.into())),
            Err(e) => Err(self.lost(io::Error::other(e))),
        }
    }

    fn serve(&mut self, child: &Child) -> Result<(), CommandError> {
        let end = Instant::now() + self.deadline;
        let mut ended = false;
        while !ended || self.stdout.is_some() || self.stderr.is_some() {
            let left = end.saturating_duration_since(Instant::now());
            let Some(ready) = self.wait(child, ended, left).map_err(|e| self.lost(e))? else {
                return Err(CommandError::TimedOut {
                    command: self.command.clone(),
                    after: self.deadline,
                    stderr: self.errors.text(),
                });
            };
            if ready.cancelled {
                return Err(CommandError::Cancelled {
                    command: self.command.clone(),
                });
            }
            if ready.ended {
                ended = true;
                self.stdin = None;
            }
            if ready.stdin {
                self.write_some().map_err(|e| self.lost(e))?;
            }
            if ready.stdout {
                self.read_output()?;
            }
            if ready.stderr {
                self.read_errors().map_err(|e| self.lost(e))?;
            }
        }
        Ok(())
    }

    /// `None` if the time ran out.
    fn wait(&self, child: &Child, ended: bool, left: Duration) -> io::Result<Option<Ready>> {
        let wanted = [
            self.stdin
                .as_ref()
                .map(|(p, ..)| (p.as_fd(), PollFlags::OUT)),
            self.stdout.as_ref().map(|p| (p.as_fd(), PollFlags::IN)),
            self.stderr.as_ref().map(|p| (p.as_fd(), PollFlags::IN)),
            (!ended).then(|| (child.pidfd().as_fd(), PollFlags::IN)),
            self.cancel.as_ref().map(|fd| (fd.as_fd(), PollFlags::IN)),
        ];
        let mut fds: Vec<_> = wanted
            .iter()
            .flatten()
            .map(|(fd, flags)| PollFd::new(fd, *flags))
            .collect();
        if poll_for(&mut fds, left)? == 0 {
            return Ok(None);
        }
        let mut results = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut ready = wanted
            .iter()
            .map(|w| w.is_some() && results.next().unwrap_or(false));
        let mut next = || ready.next().unwrap_or(false);
        Ok(Some(Ready {
            stdin: next(),
            stdout: next(),
            stderr: next(),
            ended: next(),
            cancelled: next(),
        }))
    }

    fn write_some(&mut self) -> io::Result<()> {
        let Some((pipe, bytes, at)) = &mut self.stdin else {
            return Ok(());
        };
        let rest = bytes.get(*at..).unwrap_or_default();
        match if rest.is_empty() {
            Ok(0)
        } else {
            pipe.write(rest)
        } {
            Ok(n) => {
                *at += n;
                if *at >= bytes.len() {
                    self.stdin = None;
                }
                Ok(())
            }
            // A program may end without reading everything; its status says whether that is bad.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.stdin = None;
                Ok(())
            }
            Err(e) if is_transient(&e) => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn read_output(&mut self) -> Result<(), CommandError> {
        let mut chunk = [0; 16 << 10];
        let Some(pipe) = &mut self.stdout else {
            return Ok(());
        };
        match pipe.read(&mut chunk) {
            Ok(0) => self.stdout = None,
            Ok(n) => self.output.extend(chunk.iter().take(n)),
            Err(e) if is_transient(&e) => {}
            Err(e) => return Err(self.lost(e)),
        }
        if self.output.len() > self.limit {
            return Err(CommandError::TooMuchOutput {
                command: self.command.clone(),
                limit: self.limit,
            });
        }
        Ok(())
    }

    fn read_errors(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4 << 10];
        let Some(pipe) = &mut self.stderr else {
            return Ok(());
        };
        match pipe.read(&mut chunk) {
            Ok(0) => self.stderr = None,
            Ok(n) => self.errors.push(chunk.get(..n).unwrap_or_default()),
            Err(e) if is_transient(&e) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn lost(&self, source: io::Error) -> CommandError {
        CommandError::Exchange {
            command: self.command.clone(),
            source,
        }
    }
}

/// Kills the whole group, then reaps the leader as far as the kernel lets us in bounded time.
pub(crate) fn kill(child: &mut Child) {
    // Both may fail only for a child that is already gone or is stuck in the kernel. The caller
    // reports why the kill was needed, which is what matters.
    if let Err(error) = child.signal_group(Signal::KILL) {
        tracing::warn!(pid = child.pid(), %error, "cannot kill process group");
    }
    match child.wait(KILL_GRACE) {
        Ok(Some(_)) => {}
        Ok(None) => tracing::warn!(pid = child.pid(), "killed process does not end"),
        Err(error) => tracing::warn!(pid = child.pid(), %error, "cannot reap process"),
    }
}

pub(crate) fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    rustix::io::ioctl_fionbio(fd, true).map_err(io::Error::from)
}

/// Polls again after a signal, with what is left of the time.
pub(crate) fn poll_for(fds: &mut [PollFd<'_>], timeout: Duration) -> io::Result<usize> {
    let end = Instant::now() + timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(fds, Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}

/// Waits for one descriptor. `false` if the time ran out.
pub(crate) fn wait_fd(fd: BorrowedFd<'_>, flags: PollFlags, timeout: Duration) -> io::Result<bool> {
    Ok(poll_for(&mut [PollFd::new(&fd, flags)], timeout)? > 0)
}

fn is_transient(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let excess = self.0.len().saturating_sub(STDERR_LIMIT);
        self.0.drain(..excess);
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}
