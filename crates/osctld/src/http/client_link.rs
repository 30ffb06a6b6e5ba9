//! The connection that a request came on, to learn that its client closed it.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The connection of a client. Hyper reports only the end of what the client sends, which a client
/// may cause by itself (`shutdown(SHUT_WR)`) and still wait for the answer.
#[derive(Debug, Clone)]
pub(super) struct ClientLink(Arc<OwnedFd>);

impl ClientLink {
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let own = stream.as_fd().try_clone_to_owned()?;
        Ok(Self(Arc::new(own)))
    }

    /// Returns once the client has closed the connection or is dead.
    ///
    /// # Errors
    /// If the system has no descriptor left.
    pub(super) async fn closed(&self) -> io::Result<()> {
        // A descriptor can be registered once; several operations may watch the same connection.
        let own = UnixStream::from_std(self.0.try_clone()?.into())?;
        loop {
            own.readable().await?;
            if is_hung_up(&own)? {
                return Ok(());
            }
            // Another request came: only the next event counts.
            let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            drop(own.try_io(Interest::READABLE, nothing));
        }
    }
}

fn is_hung_up(socket: &UnixStream) -> io::Result<bool> {
    let mut socket = [PollFd::new(socket, PollFlags::empty())];
    let now = Timespec::default();
    poll(&mut socket, Some(&now))?;
    Ok(socket[0].revents().contains(PollFlags::HUP))
}
