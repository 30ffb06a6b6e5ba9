//! A command with a terminal of its own, shown on ours.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread::{self, JoinHandle};

use os_api::exec::{ClientFrame, HelperFrame, TerminalSize};
use os_types::{Code, Failure};
use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::Happening;
use super::pump::{self, AtEnd, Ended, EndedGuard};
use super::session::Session;
use super::signals::{CONTINUE, HANG_UP, TERMINATE, WINDOW};
use super::{broken, killed_by};
use crate::context::Ctx;
use crate::fault::Fault;

/// What terminals had before they had windows.
const USUAL_SIZE: TerminalSize = TerminalSize {
    rows: 24,
    columns: 80,
};

/// Ctrl-D: to a terminal, what the end of the input is to a pipe.
const END_OF_INPUT: &[u8] = b"\x04";

/// The size of our terminal.
pub(super) fn size() -> TerminalSize {
    let sizes = [stdio::stdin(), stdio::stdout(), stdio::stderr()].map(tcgetwinsize);
    let mut known = sizes.into_iter().flatten();
    let known = known.find(|size| size.ws_row > 0 && size.ws_col > 0);
    known.map_or(USUAL_SIZE, |size| TerminalSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// The type of our terminal, the value of `TERM`.
pub(super) fn kind() -> String {
    let named = std::env::var("TERM").ok();
    let is_sane = |name: &String| (1..=64).contains(&name.len()) && name.is_ascii();
    named.filter(is_sane).unwrap_or_else(|| "linux".to_owned())
}

/// Attends to a command until it has ended.
pub(super) fn attend(ctx: &mut Ctx, session: &mut Session) -> Result<HelperFrame, Fault> {
    session.send(&ClientFrame::Terminal {}, &[])?;
    let master = loop {
        match session.next(&mut ctx.client)? {
            Happening::Started(Some(master)) => break master,
            Happening::Started(None) => {
                let text = "the terminal of the command did not come";
                return Err(Failure::new(Code::Protocol, text).into());
            }
            Happening::Ended(end) => return Ok(end),
            Happening::Cut => {}
            Happening::Signal(signal) => heed(session, signal, None)?,
        }
    };
    // It is restored on every way out of here, a panic among them.
    let raw = Raw::enter().map_err(|error| broken(&error))?;
    let shown = Shown::begin(master).map_err(|error| broken(&error))?;
    let end = loop {
        match session.next(&mut ctx.client)? {
            Happening::Started(_) | Happening::Cut => {}
            Happening::Ended(end) => break end,
            Happening::Signal(signal) => heed(session, signal, raw.as_ref())?,
        }
    };
    shown.finish();
    Ok(end)
}

/// What a signal means. The keys that make signals go to the guest as they are, so those that come
/// were sent by other programs; shells do not heed a request to end, this program does, and its
/// command with it.
fn heed(session: &Session, signal: i32, raw: Option<&Raw>) -> Result<(), Fault> {
    match signal {
        TERMINATE | HANG_UP => return Err(killed_by(signal)),
        WINDOW => session.send(&ClientFrame::Resize { size: size() }, &[])?,
        CONTINUE => {
            // The shell has used the terminal while this program was stopped.
            if let Some(raw) = raw {
                raw.again().map_err(|error| broken(&error))?;
            }
            session.send(&ClientFrame::Resize { size: size() }, &[])?;
        }
        signal => session.send(&ClientFrame::Signal { signal }, &[])?,
    }
    Ok(())
}

/// Our terminal, handing on every key as it is; as before when this is dropped.
struct Raw {
    before: Termios,
}

impl Raw {
    /// `None` if the input is no terminal.
    fn enter() -> io::Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdio::stdin())?;
        let raw = Self { before };
        raw.again()?;
        Ok(Some(raw))
    }

    fn again(&self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.make_raw();
        Ok(tcsetattr(stdio::stdin(), OptionalActions::Now, &modes)?)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring. What was printed is shown first.
        tcsetattr(stdio::stdin(), OptionalActions::Drain, &self.before).unwrap_or_default();
    }
}

/// The threads that copy between two terminals.
struct Shown {
    out: JoinHandle<io::Result<()>>,
    ended: EndedGuard,
}

impl Shown {
    fn begin(master: OwnedFd) -> io::Result<Self> {
        let typed = master.try_clone()?;
        let (flag, ended) = Ended::new()?;
        let for_in = flag.clone();
        // Do not wait for this thread: it may block in a write without a reader.
        drop(thread::spawn(move || -> io::Result<()> {
            let is_over = pump::copy(stdio::stdin(), &typed, &for_in, AtEnd::Stop)?;
            if is_over {
                pump::write_all(&typed, END_OF_INPUT)?;
            }
            Ok(())
        }));
        let out = thread::spawn(move || {
            pump::copy(master.as_fd(), stdio::stdout(), &flag, AtEnd::TakeTerminal).map(drop)
        });
        Ok(Self { out, ended })
    }

    /// Prints the remaining output. An error of the terminal cannot be reported.
    fn finish(self) {
        drop(self.ended);
        drop(self.out.join());
    }
}
