//! A started program with one stream in the caller's hand.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitStatus;
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
/// *Errors* of reading and writing: `TimedOut` if nothing moved for the deadline; the program's
/// own failure is told by `finish`, not by its stream.
///
/// Dropping it without `finish` kills the program with its group.
#[derive(Debug)]
pub struct Running {
    command: String,
    deadline: Duration,
    stream: Option<File>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Process {
        child: Child,
        errors: Option<JoinHandle<Tail>>,
    },
    Script {
        status: ExitStatus,
        stderr: String,
    },
    Finished,
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
                source: Source::Process {
                    child,
                    errors: Some(errors),
                },
            }),
            Err(source) => {
                kill(&mut child);
                Err(CommandError::Exchange { command, source })
            }
        }
    }

    pub(crate) fn scripted(
        command: String,
        stream: File,
        status: ExitStatus,
        stderr: String,
    ) -> Self {
        Self {
            command,
            deadline: KILL_GRACE,
            stream: Some(stream),
            source: Source::Script { status, stderr },
        }
    }

    /// Closes the stream, waits for the program's end and tells how it went.
    ///
    /// *Errors*: [`CommandError::TimedOut`] if it does not end within the deadline after the stream
    /// was closed; [`CommandError::Failed`] for a status other than 0.
    pub fn finish(mut self) -> Result<(), CommandError> {
        self.stream = None;
        let command = std::mem::take(&mut self.command);
        let (status, stderr) = match std::mem::replace(&mut self.source, Source::Finished) {
            Source::Script { status, stderr } => (status, stderr),
            Source::Process { mut child, errors } => {
                let ended = child.pidfd().wait_exit(self.deadline);
                if !matches!(ended, Ok(true)) {
                    kill(&mut child);
                    let stderr = collect(errors);
                    let after = self.deadline;
                    return Err(CommandError::TimedOut {
                        command,
                        after,
                        stderr,
                    });
                }
                // What the leader left behind would keep its standard error open. The leader is
                // not reaped yet, so the group number is still its own.
                let status = match child.signal_group(os_sys::Signal::KILL) {
                    Ok(_) => child.wait(KILL_GRACE),
                    Err(e) => Err(e),
                };
                match status {
                    Ok(Some(status)) => (status, collect(errors)),
                    Ok(None) => {
                        let source = io::ErrorKind::TimedOut.into();
                        return Err(CommandError::Exchange { command, source });
                    }
                    Err(e) => {
                        let source = io::Error::other(e);
                        return Err(CommandError::Exchange { command, source });
                    }
                }
            }
            Source::Finished => return Ok(()),
        };
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
        if let Source::Process { child, errors } = &mut self.source {
            kill(child);
            collect(errors.take());
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
