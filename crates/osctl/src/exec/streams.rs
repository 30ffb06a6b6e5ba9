//! Standard input, output and error of a command, as pipes made for it.

use std::io;
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::stdio;

use super::pump::{self, Ended, EndedGuard};

/// The largest that every user may have (`fs.pipe-max-size`): fewer turns for gigabytes.
const PIPE_SIZE: usize = 1 << 20;

/// The threads that copy.
#[derive(Debug)]
pub(super) struct Streams {
    out: JoinHandle<io::Result<()>>,
    err: JoinHandle<io::Result<()>>,
    ended: EndedGuard,
}

impl Streams {
    /// Begins to copy; answers with the ends that the command gets.
    pub(super) fn open() -> io::Result<(Self, [OwnedFd; 3])> {
        let (their_in, our_in) = new_pipe()?;
        let (our_out, their_out) = new_pipe()?;
        let (our_err, their_err) = new_pipe()?;
        let (flag, ended) = Ended::new()?;
        let (for_in, for_out, for_err) = (flag.clone(), flag.clone(), flag);
        // Nobody waits for this one: it may be in the middle of a read from a terminal when the
        // command ends. The end of our input is passed on by closing the pipe. A command that does
        // not read its input any more is no error.
        drop(thread::spawn(move || {
            pump::copy(stdio::stdin(), our_in, &for_in)
        }));
        let out = thread::spawn(move || pump::copy(our_out, stdio::stdout(), &for_out));
        let err = thread::spawn(move || pump::copy(our_err, stdio::stderr(), &for_err));
        let streams = Self { out, err, ended };
        Ok((streams, [their_in, their_out, their_err]))
    }

    /// Takes what is still in the pipes of a command that has ended.
    ///
    /// # Errors
    /// When the output could not be written; but not if its reader has gone, which the command was
    /// told by closing its pipe.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.ended);
        let [out, err] = [self.out, self.err].map(|thread| {
            let copied = thread.join();
            copied.unwrap_or_else(|_panic| Err(io::Error::other("the copying thread is gone")))
        });
        let told = |written: io::Result<()>| match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        };
        // Who could be told that standard error cannot be written?
        drop(err);
        told(out)
    }
}

fn new_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
    // Smaller ones do as well, and a user who has many gets no large ones.
    fcntl_setpipe_size(&reading, PIPE_SIZE).unwrap_or_default();
    Ok((reading, writing))
}
