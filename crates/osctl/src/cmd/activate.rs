//! `osctl activate`, also known as `osctl user subugids`.

use clap::Args;
use os_api::command;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Rewrite osctl's lines in passwd, group, subuid and subgid of this host
#[derive(Debug, Args)]
#[command(after_help = "All other lines of these files stay as they are.")]
pub(crate) struct Activate {}

impl Run for Activate {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        operation::run(ctx, command::Activate {})
    }
}
