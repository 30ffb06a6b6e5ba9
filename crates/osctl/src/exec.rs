//! A command in a container: the client's end of ADR-9.
//!
//! ```text
//!   ours     stdin ──> [pipe] ──> guest     the terminal ──> [pty] ──> guest
//!            stdout <── [pipe] <── guest         of the client <──
//!            stderr <── [pipe] <── guest
//!   socket   signals, window size ──>      <── started, ended
//! ```
//!
//! The guest never gets a descriptor of the host: it could read the files behind it, write into
//! them, or type into the administrator's terminal. It gets pipes that were made for it, or a
//! terminal of its own, and the bytes are copied.

mod pump;
mod session;
mod signals;
mod streams;

use os_api::exec::{ClientFrame, ExecRequest, HelperFrame};
use os_types::{Code, Failure};

use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use session::{Happening, Session};
use streams::Streams;

/// Exit status when the command was not run, as env(1) and timeout(1) have it.
pub(crate) const NOT_RUN: u8 = 125;

/// Runs a command to its end, and ends as it did.
pub(crate) fn run(ctx: &mut Ctx, request: &ExecRequest) -> Outcome {
    match attempt(ctx, request) {
        Err(Fault::Failure(failure)) => {
            ctx.printer.failure(&failure);
            Err(Fault::Status(NOT_RUN))
        }
        other => other,
    }
}

fn attempt(ctx: &mut Ctx, request: &ExecRequest) -> Outcome {
    if ctx.globals.plan {
        let failure = Failure::new(Code::Name, "what the command would do cannot be told");
        return Err(failure.into());
    }
    // What was printed so far comes first.
    ctx.printer.flush()?;
    let mut session = Session::open(&mut ctx.client, request)?;
    let (streams, theirs) = Streams::open().map_err(system)?;
    session
        .send(&ClientFrame::Streams {}, &theirs.each_ref())
        .map_err(system)?;
    drop(theirs);
    let end = loop {
        match session.next(&mut ctx.client)? {
            Happening::Said(HelperFrame::Started {}, _) => {}
            Happening::Said(end, _) => break end,
            Happening::Signal(signal) => {
                session
                    .send(&ClientFrame::Signal { signal }, &[])
                    .map_err(system)?;
            }
        }
    };
    let written = streams.finish();
    conclude(ctx, end)?;
    written.map_err(Fault::Output)
}

/// Ends as the command did.
fn conclude(ctx: &mut Ctx, end: HelperFrame) -> Outcome {
    match end {
        HelperFrame::Started {} | HelperFrame::Exited { status: 0 } => Ok(()),
        HelperFrame::Exited { status } => Err(Fault::Status(status)),
        // As shells have it.
        HelperFrame::Killed { signal } => {
            Err(Fault::Status(u8::try_from(128 + signal).unwrap_or(255)))
        }
        HelperFrame::Failed { status, message } => {
            ctx.printer.complain(&message);
            Err(Fault::Status(status))
        }
    }
}

fn system(error: std::io::Error) -> Failure {
    Failure::new(Code::Step, format!("the streams broke off: {error}"))
}
