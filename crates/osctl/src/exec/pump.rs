//! Copying bytes from one descriptor to another, until an end that somebody else announces.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// So much is copied at once: enough that the calls do not matter, little enough for the cache.
const CHUNK: usize = 256 << 10;

/// A flag that wakes whoever polls it: the reading end of a pipe whose other end is closed.
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

/// Copies all there is until the end of the stream. Once `ended` is raised it only takes what is
/// there already, and does not wait for more.
///
/// # Errors
/// When nothing can be written; a stream that breaks off ends like any other.
pub(super) fn copy(from: impl AsFd, to: impl AsFd, ended: &Ended) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut left = None;
    loop {
        let (is_readable, is_ended) = wait(from.as_fd(), ended)?;
        if is_ended && left.is_none() {
            left = Some(available(from.as_fd()));
        }
        if !is_readable || left == Some(0) {
            if is_ended {
                return Ok(());
            }
            continue;
        }
        let size = left.unwrap_or(CHUNK as u64).min(CHUNK as u64);
        let part = buffer.get_mut(..usize::try_from(size).unwrap_or(CHUNK));
        let count = match rustix::io::read(&from, part.unwrap_or_default()) {
            // A terminal whose other end is closed answers EIO.
            Ok(0) | Err(Errno::IO | Errno::CONNRESET) => return Ok(()),
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

/// What can be read without waiting.
fn available(from: BorrowedFd<'_>) -> u64 {
    rustix::io::ioctl_fionread(from).unwrap_or(0)
}

/// Writes everything, also to a descriptor that somebody made non-blocking.
pub(super) fn write_all(to: &impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(to, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
