//! `osctl group ls`.

use clap::Args;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::reading;

/// List groups
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl group ls -o +nproc -s memory")]
pub(crate) struct Ls {
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, reading::groups)
    }
}
