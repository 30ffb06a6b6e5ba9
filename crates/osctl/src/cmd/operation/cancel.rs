//! `osctl operation cancel`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::OperationState;
use os_api::endpoint::{CancelQuery, OperationCancel, OperationPart};
use os_types::{Code, Failure};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Interrupt an operation and take back what it did
///
/// One that waits in a queue is withdrawn. The command says what happens and does not wait for it.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl operation cancel 4f2a")]
pub(crate) struct Cancel {
    /// Its id, or an unambiguous beginning or end of it
    #[arg(add = ArgValueCompleter::new(complete::operations))]
    id: String,
}

impl Run for Cancel {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        if ctx.globals.plan {
            let failure = Failure::new(Code::Name, "cancelling is no command with a plan");
            return Err(failure
                .next(format!("osctl operation show {}", self.id))
                .into());
        }
        let part = OperationPart { id: self.id };
        let query = CancelQuery::default();
        let cancelled = ctx.client.ask::<OperationCancel>(&part, &query)?;
        let id = &cancelled.id;
        let what = match (cancelled.state, &cancelled.cancelling) {
            (OperationState::Finished, _) => {
                let message = format!("operation {id} had finished before");
                let failure = Failure::new(Code::Conflict, message);
                return Err(failure.next(format!("osctl undo {id}")).into());
            }
            (OperationState::Cancelled, _) => format!("operation {id} was cancelled"),
            (_, Some(what)) => format!("operation {id}: {what}"),
            (_, None) => return operation::conclude(ctx, &cancelled),
        };
        ctx.printer.note(&what);
        if !cancelled.state.is_final() {
            ctx.printer
                .note(format_args!("hint: osctl operation wait {id}"));
        }
        if ctx.globals.json {
            ctx.printer.json(&cancelled)?;
        }
        Ok(())
    }
}
