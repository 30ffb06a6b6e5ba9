//! The connection to the process that runs the command, and what happens meanwhile.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use os_api::exec::{ClientFrame, ExecRequest, HelperFrame};
use os_sys::{receive_frame, send_frame};
use os_types::{Code, Failure};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Happening, broken, signals};
use crate::client::Client;

/// A command that was asked for.
#[derive(Debug)]
pub(super) struct Session {
    socket: UnixStream,
    was_cut: bool,
    happenings: Receiver<Result<Happening, Failure>>,
}

impl Session {
    /// Asks for the command. It starts with the first frame that is sent.
    pub(super) fn open(client: &mut Client, request: &ExecRequest) -> Result<Self, Failure> {
        let socket = client.exec(request)?;
        // Few things happen, and they are taken at once; a full channel only lets its senders wait.
        let (sender, happenings) = channel(16);
        let on_signal = sender.clone();
        // Until now a signal has ended this process, from now on it is the command's.
        let watched = client.run(async |_| signals::watch(&on_signal))?;
        let internal = |error: std::io::Error| Failure::new(Code::Internal, error.to_string());
        watched.map_err(internal)?;
        let listening = socket.try_clone().map_err(internal)?;
        std::thread::spawn(move || listen(&listening, &sender));
        Ok(Self {
            socket,
            was_cut: false,
            happenings,
        })
    }

    /// Tells the helper something, with descriptors.
    pub(super) fn send(&self, frame: &ClientFrame, fds: &[&OwnedFd]) -> Result<(), Failure> {
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        let body = serde_json::to_vec(frame)
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        send_frame(&self.socket, &body, &fds).map_err(|error| broken(&error))
    }

    /// What happens next.
    ///
    /// *Blocking*: as long as the command runs; that is for its user to decide.
    pub(super) fn next(&mut self, client: &mut Client) -> Result<Happening, Failure> {
        let happened = client.run(async |_| self.happenings.recv().await)?;
        match happened.unwrap_or_else(|| Err(gone("all threads have exited")))? {
            Happening::Cut => {
                self.was_cut = true;
                let signal = os_sys::Signal::KILL.as_raw();
                Ok(Happening::Ended(HelperFrame::Killed { signal }))
            }
            other => Ok(other),
        }
    }

    /// Whether the command was killed together with the process that would have said so.
    pub(super) fn was_cut(&self) -> bool {
        self.was_cut
    }
}

/// Hands on what the helper says, to the end of the connection.
fn listen(socket: &UnixStream, sender: &Sender<Result<Happening, Failure>>) {
    let mut has_started = false;
    loop {
        let happened = match receive_frame(socket) {
            Ok(Some((body, fds))) => understand(&body, fds),
            // It is in the container's control group, and is killed with it.
            Ok(None) | Err(_) if has_started => Ok(Happening::Cut),
            Ok(None) => Err(gone("the connection was closed")),
            Err(error) => Err(gone(&error.to_string())),
        };
        let is_last = !matches!(happened, Ok(Happening::Started(_)));
        has_started = true;
        if sender.blocking_send(happened).is_err() || is_last {
            return;
        }
    }
}

fn understand(body: &[u8], fds: Vec<OwnedFd>) -> Result<Happening, Failure> {
    match serde_json::from_slice(body) {
        Ok(HelperFrame::Started {}) => Ok(Happening::Started(fds.into_iter().next())),
        Ok(end) => Ok(Happening::Ended(end)),
        Err(error) => Err(gone(&error.to_string())),
    }
}

fn gone(why: &str) -> Failure {
    Failure::new(
        Code::Protocol,
        format!("how the command ended is not known: {why}"),
    )
}
