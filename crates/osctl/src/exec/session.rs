//! The connection to the process that runs the command, and what happens meanwhile.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use os_api::exec::{ClientFrame, ExecRequest, HelperFrame};
use os_sys::{receive_frame, send_frame};
use os_types::{Code, Failure};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::signals;
use crate::client::Client;

/// What can happen while a command runs.
#[derive(Debug)]
pub(super) enum Happening {
    /// The helper said something, and maybe sent descriptors.
    Said(HelperFrame, Vec<OwnedFd>),
    /// This process got a signal.
    Signal(i32),
}

/// A command that was asked for.
#[derive(Debug)]
pub(super) struct Session {
    socket: UnixStream,
    happenings: Receiver<Result<Happening, Failure>>,
}

impl Session {
    /// Asks for the command. From here on signals are its own.
    pub(super) fn open(client: &mut Client, request: &ExecRequest) -> Result<Self, Failure> {
        let socket = client.exec(request)?;
        // Few happen, and they are taken at once; a full channel only lets its senders wait.
        let (sender, happenings) = channel(16);
        let on_signal = sender.clone();
        // The command starts with the first frame; until now a signal has ended this process.
        let watched = client.run(async |_| signals::watch(&on_signal))?;
        watched.map_err(|error| Failure::new(Code::Internal, format!("no signals: {error}")))?;
        let listening = socket.try_clone();
        let listening =
            listening.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        std::thread::spawn(move || listen(&listening, &sender));
        Ok(Self { socket, happenings })
    }

    /// Tells the helper something, with descriptors.
    pub(super) fn send(&self, frame: &ClientFrame, fds: &[&OwnedFd]) -> io::Result<()> {
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        send_frame(&self.socket, &serde_json::to_vec(frame)?, &fds)
    }

    /// What happens next.
    ///
    /// *Blocking*: as long as the command runs; that is for its user to decide.
    pub(super) fn next(&mut self, client: &mut Client) -> Result<Happening, Failure> {
        let happened = client.run(async |_| self.happenings.recv().await)?;
        happened.unwrap_or_else(|| Err(gone("nobody is left to say it")))
    }
}

/// Hands on what the helper says, to the end of the connection.
fn listen(socket: &UnixStream, sender: &Sender<Result<Happening, Failure>>) {
    loop {
        let happened = match receive_frame(socket) {
            Ok(Some((body, fds))) => serde_json::from_slice(&body)
                .map(|frame| Happening::Said(frame, fds))
                .map_err(|error| gone(&error.to_string())),
            Ok(None) => Err(gone("the connection was closed")),
            Err(error) => Err(gone(&error.to_string())),
        };
        let is_last = happened.is_err();
        if sender.blocking_send(happened).is_err() || is_last {
            return;
        }
    }
}

fn gone(why: &str) -> Failure {
    let message = format!("how the command ended was not told: {why}");
    Failure::new(Code::Protocol, message)
}
