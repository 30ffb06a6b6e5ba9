//! `osctl id-range ls`.

use clap::Args;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::reading;

/// List id ranges
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl id-range ls -o name,free")]
pub(crate) struct Ls {
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, reading::id_ranges)
    }
}
