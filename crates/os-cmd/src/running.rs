//! A started program with one stream in the caller's hand.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;
use std::time::Duration;

use os_sys::Child;
use rustix::event::PollFlags;

use crate::CommandError;
use crate::exchange::{KILL_GRACE, Tail, kill, set_nonblocking, wait_fd};

/// Direction of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The caller reads what the program writes.
    FromProgram,
    /// The caller writes what the program reads.
    IntoProgram,
}

/// A running program. `Read` or `Write` it, then [`Running::finish`].
///
/// *Errors* of reading and writing: `TimedOut` if nothing moved for the deadline; `finish`
/// returns the program's own failure, its stream does not.
///
/// Dropping it without `finish` kills the program with its group.
#[derive(Debug)]
pub struct Running {
    command: String,
    deadline: Duration,
    stream: Option<File>,
    /// Absent once it was finished.
    child: Option<Child>,
    errors: Option<JoinHandle<Tail>>,
}

impl Running {
    pub(crate) fn new(
        command: String,
        mut child: Child,
        stream: OwnedFd,
        errors: PipeReader,
        deadline: Duration,
    ) -> Result<Self, CommandError> {
        let prepared = set_nonblocking(&stream)
            .and_then(|()| std::thread::Builder::new().spawn(move || drain(errors)));
        match prepared {
            Ok(errors) => Ok(Self {
                command,
                deadline,
                stream: Some(stream.into()),
                child: Some(child),
                errors: Some(errors),
            }),
            Err(source) => {
                kill(&mut child);
                Err(CommandError::Exchange { command, source })
            }
        }
    }

    /// Closes the stream, waits for the program's end and tells how it went.
    ///
    /// *Errors*: [`CommandError::TimedOut`] if it does not end within the deadline after the stream
    /// was closed; [`CommandError::Failed`] for a status other than 0.
    pub fn finish(mut self) -> Result<(), CommandError> {
        self.stream = None;
        let command = std::mem::take(&mut self.command);
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let ended = child.pidfd().wait_exit(self.deadline);
        if !matches!(ended, Ok(true)) {
            kill(&mut child);
            return Err(CommandError::TimedOut {
                command,
                after: self.deadline,
                stderr: collect(self.errors.take()),
            });
        }
        // What the leader left behind would keep its standard error open. The leader is not reaped
        // yet, so the group number is still its own.
        let status = match child.signal_group(os_sys::Signal::KILL) {
            Ok(_) => child.wait(KILL_GRACE),
            Err(error) => Err(error),
        };
        let status = status
            .map_err(io::Error::other)
            .and_then(|status| status.ok_or_else(|| io::ErrorKind::TimedOut.into()));
        let status = match status {
            Ok(status) => status,
            Err(source) => return Err(CommandError::Exchange { command, source }),
        };
        let stderr = collect(self.errors.take());
        if status.success() {
            Ok(())
        } else {
            Err(CommandError::Failed {
                command,
                status,
                stderr,
            })
        }
    }

    fn when_ready<T>(
        &mut self,
        flags: PollFlags,
        mut action: impl FnMut(&mut File) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(stream) = &mut self.stream else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        loop {
            match action(stream) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if !wait_fd(stream.as_fd(), flags, self.deadline)? {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                other => return other,
            }
        }
    }
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.when_ready(PollFlags::IN, |stream| stream.read(buffer))
    }
}

impl Write for Running {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.when_ready(PollFlags::OUT, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stream = None;
        if let Some(mut child) = self.child.take() {
            kill(&mut child);
            collect(self.errors.take());
        }
    }
}

/// Reads standard error to its end: without a reader the program would block on a full pipe.
fn drain(mut pipe: PipeReader) -> Tail {
    let mut tail = Tail::default();
    let mut chunk = [0; 4 << 10];
    loop {
        match pipe.read(&mut chunk) {
            Ok(0) => return tail,
            Ok(n) => tail.push(chunk.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return tail,
        }
    }
}

/// Call only after the group was killed: then the thread sees the end of its pipe.
fn collect(errors: Option<JoinHandle<Tail>>) -> String {
    let tail = errors.and_then(|thread| thread.join().ok());
    tail.unwrap_or_default().text()
}
