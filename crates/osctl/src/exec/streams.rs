//! A command with standard input, output and error as pipes made for it.

use std::io;
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};

use os_api::exec::{ClientFrame, HelperFrame};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::stdio;

use super::Happening;
use super::broken;
use super::pump::{self, AtEnd, Ended, EndedGuard};
use super::session::Session;
use super::signals::{CONTINUE, WINDOW};
use crate::context::Ctx;
use crate::fault::Fault;

/// The largest that every user may have (`fs.pipe-max-size`): fewer turns for gigabytes.
const PIPE_SIZE: usize = 1 << 20;

/// Attends to a command until it has ended and its output is written.
pub(super) fn attend(ctx: &mut Ctx, session: &mut Session) -> Result<HelperFrame, Fault> {
    let (streams, theirs) = Streams::open().map_err(|error| broken(&error))?;
    session.send(&ClientFrame::Streams {}, &theirs.each_ref())?;
    drop(theirs);
    let end = loop {
        match session.next(&mut ctx.client)? {
            Happening::Ended(end) => break end,
            // A window says nothing to a command without a terminal; to some servers the signal
            // means that they have to stop. This process alone was stopped, and goes on.
            Happening::Started(_) | Happening::Cut | Happening::Signal(WINDOW | CONTINUE) => {}
            Happening::Signal(signal) => session.send(&ClientFrame::Signal { signal }, &[])?,
        }
    };
    streams.finish().map_err(Fault::Output)?;
    Ok(end)
}

/// The threads that copy.
struct Streams {
    out: JoinHandle<io::Result<()>>,
    err: JoinHandle<io::Result<()>>,
    ended: EndedGuard,
}

impl Streams {
    /// Begins to copy; answers with the ends that the command gets.
    fn open() -> io::Result<(Self, [OwnedFd; 3])> {
        let (their_in, our_in) = new_pipe()?;
        let (our_out, their_out) = new_pipe()?;
        let (our_err, their_err) = new_pipe()?;
        let (flag, ended) = Ended::new()?;
        let (for_in, for_out, for_err) = (flag.clone(), flag.clone(), flag);
        // Do not wait for this thread: it may block in a write without a reader. The end
        // of our input is passed on by closing the pipe. A command that does not read its input any
        // more is no error.
        drop(thread::spawn(move || {
            pump::copy(stdio::stdin(), our_in, &for_in, AtEnd::Stop)
        }));
        let out = thread::spawn(move || {
            pump::copy(our_out, stdio::stdout(), &for_out, AtEnd::TakePipe).map(drop)
        });
        let err = thread::spawn(move || {
            pump::copy(our_err, stdio::stderr(), &for_err, AtEnd::TakePipe).map(drop)
        });
        let streams = Self { out, err, ended };
        Ok((streams, [their_in, their_out, their_err]))
    }

    /// Takes what is still in the pipes of a command that has ended.
    ///
    /// # Errors
    /// When the output could not be written. A closed reader is not an error: the command sees that its
    /// pipe is closed.
    fn finish(self) -> io::Result<()> {
        drop(self.ended);
        let [out, err] = [self.out, self.err].map(|thread| {
            let copied = thread.join();
            copied.unwrap_or_else(|_panic| Err(io::Error::other("the copying thread is gone")))
        });
        // An error of standard error cannot be reported.
        drop(err);
        match out {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            out => out,
        }
    }
}

fn new_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
    // Smaller ones do as well, and a user who has many gets no large ones.
    fcntl_setpipe_size(&reading, PIPE_SIZE).unwrap_or_default();
    Ok((reading, writing))
}
