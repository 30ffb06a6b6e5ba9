//! `osctl undo`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Undo an operation
///
/// Applies the inverse of each of its steps in reverse order. Refused where something was destroyed
/// or was changed since, and where the command for the same change would be refused: a
/// container that runs is not renamed, a user with containers not deleted.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  osctl undo --plan\n  osctl undo 4f2a\n`osctl history -o +id,undoable` shows what can be undone."
)]
pub(crate) struct Undo {
    /// Its id, or an unambiguous beginning or end of it [default: the newest that succeeded]
    #[arg(add = ArgValueCompleter::new(complete::operations))]
    operation: Option<String>,
}

impl Run for Undo {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let operation = self.operation;
        operation::run(ctx, command::Undo { operation })
    }
}
