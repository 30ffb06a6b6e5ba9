//! `osctl pool show`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::PoolName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::{complete, reading};

/// Show a pool
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool show tank -o state -H")]
pub(crate) struct Show {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| reading::pool(ctx, self.pool))
    }
}
