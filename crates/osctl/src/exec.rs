//! A command in a container: the client's end of ADR-9.
//!
//! ```text
//!   streams    our stdin ──> [pipe] ──> guest        terminal   our terminal, raw
//!              our stdout <── [pipe] <── guest                     │    ^
//!              our stderr <── [pipe] <── guest                     v    │
//!                                                               [terminal of the guest]
//!   socket     signals, window size ──>       <── started, ended
//! ```
//!
//! The guest never gets a descriptor of the host: it could read the files behind it, write into
//! them, or type into the administrator's terminal. It gets pipes that were made for it, or a
//! terminal of its own, and the bytes are copied.

mod pump;
mod session;
mod signals;
mod streams;
mod terminal;

use std::io::{self, IsTerminal as _};
use std::os::fd::OwnedFd;

use os_api::exec::{ExecRequest, HelperFrame};
use os_types::{Code, ContainerName, Failure};

use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::target::Ref;
use session::Session;

/// Exit status when the command was not run, as env(1) and timeout(1) have it.
pub(crate) const NOT_RUN: u8 = 125;

/// A command to run.
#[derive(Debug)]
pub(crate) struct Order {
    /// If the container is stopped, run it for this command alone.
    pub(crate) run: bool,
    /// Where.
    pub(crate) id: Ref<ContainerName>,
    /// The command and its arguments.
    pub(crate) argv: Vec<String>,
    /// What it is connected to.
    pub(crate) style: Style,
}

/// What a command is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A terminal if this program has one for input and output, else streams.
    AsHere,
    /// A terminal.
    Terminal,
    /// A terminal; without one here it makes no sense.
    NeedsTerminal,
    /// Streams.
    Streams,
}

/// What can happen while a command runs.
#[derive(Debug)]
pub(super) enum Happening {
    /// The command runs; with a terminal, this is the end that shows it.
    Started(Option<OwnedFd>),
    /// The command has ended, or was not run.
    Ended(HelperFrame),
    /// The helper is gone, and the command with it; [`session::Session::next`] tells it as an end.
    Cut,
    /// This process got a signal.
    Signal(i32),
}

/// Runs a command to its end, and ends as it did.
pub(crate) fn run(ctx: &mut Ctx, order: Order) -> Outcome {
    match attempt(ctx, order) {
        Err(Fault::Failure(failure)) => {
            ctx.printer.failure(&failure);
            Err(Fault::Status(NOT_RUN))
        }
        other => other,
    }
}

fn attempt(ctx: &mut Ctx, order: Order) -> Outcome {
    if ctx.globals.plan {
        let message = "what a command in a container would do is not known";
        return Err(Failure::new(Code::Name, message).into());
    }
    let is_on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let wants_terminal = match order.style {
        Style::AsHere => is_on_terminal,
        Style::Streams => false,
        Style::Terminal => true,
        Style::NeedsTerminal if is_on_terminal => true,
        Style::NeedsTerminal => {
            let failure = Failure::new(Code::Name, "there is no terminal to show it on");
            let next = format!("osctl ct exec {} COMMAND", order.id);
            return Err(failure.next(next).into());
        }
    };
    let Ref { pool, name } = order.id.or_pool(ctx.pool());
    let request = ExecRequest {
        pool,
        name,
        run: order.run,
        argv: order.argv,
        terminal: wants_terminal.then(terminal::size),
        term: wants_terminal.then(terminal::kind),
    };
    // What was printed so far comes first.
    ctx.printer.flush()?;
    let mut session = Session::open(&mut ctx.client, &request)?;
    let end = if wants_terminal {
        terminal::attend(ctx, &mut session)?
    } else {
        streams::attend(ctx, &mut session)?
    };
    if session.was_cut() {
        ctx.printer
            .note("the command was killed, most likely with its container");
    }
    conclude(ctx, end)
}

/// Ends as the command did.
fn conclude(ctx: &mut Ctx, end: HelperFrame) -> Outcome {
    match end {
        HelperFrame::Started {} | HelperFrame::Exited { status: 0 } => Ok(()),
        HelperFrame::Exited { status } => Err(Fault::Status(status)),
        HelperFrame::Killed { signal } => Err(killed_by(signal)),
        HelperFrame::Failed { status, message } => {
            ctx.printer.complain(&message);
            Err(Fault::Status(status))
        }
    }
}

/// The exit status that shells have for a signal.
fn killed_by(signal: i32) -> Fault {
    Fault::Status(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}

/// The failure of copying.
fn broken(error: &io::Error) -> Failure {
    Failure::new(
        Code::Protocol,
        format!("the connection with the command broke off: {error}"),
    )
}
