//! `osctl operation ls`.

use clap::Args;
use os_api::endpoint::{Nothing, OperationList};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};

/// List running operations and recent ones
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl operation ls --running -o +created")]
pub(crate) struct Ls {
    /// Only running operations
    #[arg(short, long)]
    running: bool,
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut operations = ctx.client.ask::<OperationList>(&Nothing {}, &Nothing {})?;
            operations.retain(|operation| !self.running || !operation.state.is_final());
            Ok(operations)
        })
    }
}
