//! `osctl operation cancel`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::OperationState;
use os_api::endpoint::{Nothing, OperationCancel, OperationPart};
use os_types::{Code, Failure};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Stop an operation before its next step and take back what it did
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
        let told = ctx.client.ask::<OperationCancel>(&part, &Nothing {})?;
        let ended = operation::follow(ctx, told, None)?;
        match ended.state {
            OperationState::Cancelled => {
                ctx.printer
                    .note(format_args!("operation {} was cancelled", ended.id));
                if ctx.globals.json {
                    ctx.printer.json(&ended)
                } else {
                    Ok(())
                }
            }
            OperationState::Finished => {
                let message = format!("operation {} had finished before", ended.id);
                let failure = Failure::new(Code::Conflict, message);
                Err(failure.next(format!("osctl undo {}", ended.id)).into())
            }
            _ => operation::conclude(ctx, &ended),
        }
    }
}
