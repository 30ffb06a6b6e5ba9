//! Copying bytes from one descriptor to another, until an end that somebody else announces.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Size of the copy buffer, in bytes: large enough to amortize system calls, small enough for the cache.
const CHUNK: usize = 256 << 10;

/// More than a terminal of Linux holds back (64 KiB, and 4 KiB in its line discipline).
const TERMINAL_REST: u64 = 128 << 10;

/// The kernel passes bytes between the ends of a terminal in a separate task; this is the maximum delay
/// until it runs.
const REST_PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// A flag that wakes the threads that poll it: the reading end of a pipe whose other end is closed.
#[derive(Debug, Clone)]
pub(super) struct Ended(Arc<io::PipeReader>);

/// Raises the flag when it is dropped.
#[derive(Debug)]
pub(super) struct EndedGuard {
    _other_end: io::PipeWriter,
}

impl Ended {
    /// A flag that is down.
    pub(super) fn new() -> io::Result<(Self, EndedGuard)> {
        let (reader, writer) = io::pipe()?;
        let guard = EndedGuard { _other_end: writer };
        Ok((Self(Arc::new(reader)), guard))
    }
}

/// What is done about bytes that are there when the end is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// Copies only the bytes in the pipe, because a writer may continue forever.
    TakePipe,
    /// What the terminal still has is copied; the kernel tells a part of it only.
    TakeTerminal,
    /// Leaves the bytes to the next reader.
    Stop,
}

/// Copies until the end of the stream, or until `ended` is raised; returns whether
/// the stream ended.
///
/// # Errors
/// When nothing can be written; a stream that breaks off ends like any other.
pub(super) fn copy(
    from: impl AsFd,
    to: impl AsFd,
    ended: &Ended,
    at_end: AtEnd,
) -> io::Result<bool> {
    let mut buffer = vec![0; CHUNK];
    let mut left = None;
    loop {
        let is_readable = match left {
            None => {
                let (is_readable, is_ended) = wait(from.as_fd(), ended)?;
                left = is_ended.then(|| match at_end {
                    AtEnd::Stop => 0,
                    AtEnd::TakePipe => rustix::io::ioctl_fionread(&from).unwrap_or(0),
                    AtEnd::TakeTerminal => TERMINAL_REST,
                });
                is_readable
            }
            // Nothing comes any more: there is less than there could be.
            Some(_) if !is_readable_soon(from.as_fd())? => return Ok(false),
            Some(_) => true,
        };
        let most = left.map_or(CHUNK, |left| {
            usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK))
        });
        if most == 0 {
            return Ok(false);
        }
        if !is_readable {
            continue;
        }
        let part = buffer.get_mut(..most).unwrap_or_default();
        let count = match rustix::io::read(&from, part) {
            // A terminal whose other end is closed answers EIO.
            Ok(0) | Err(Errno::IO) => return Ok(true),
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(errno) => return Err(errno.into()),
        };
        left = left.map(|left| left.saturating_sub(count as u64));
        write_all(&to, buffer.get(..count).unwrap_or_default())?;
    }
}

/// Waits until there is something to read or the end; says which.
fn wait(from: BorrowedFd<'_>, ended: &Ended) -> io::Result<(bool, bool)> {
    let mut fds = [
        PollFd::from_borrowed_fd(from, PollFlags::IN),
        PollFd::from_borrowed_fd(ended.0.as_fd(), PollFlags::IN),
    ];
    match poll(&mut fds, None) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let [readable, ended] = fds.map(|fd| !fd.revents().is_empty());
    Ok((readable, ended))
}

/// Whether there is something to read, or its end, at once or nearly so.
fn is_readable_soon(from: BorrowedFd<'_>) -> io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(from, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(&REST_PATIENCE)) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Writes everything, also to a descriptor that somebody made non-blocking.
pub(super) fn write_all(to: &impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_writable(to)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn wait_writable(to: &impl AsFd) -> io::Result<()> {
    let mut fds = [PollFd::new(to, PollFlags::OUT)];
    match poll(&mut fds, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
