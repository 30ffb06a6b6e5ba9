//! `osctl image`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ImagePrune;
use os_types::PoolName;

use super::trash_bin::or_all;
use crate::cmd::{Run, commands};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

commands! {
    ImageCommand {
        Prune(Prune),
    }
}

/// Drop images from the caches of pools; without a pool, of all
///
/// Those that containers are cloned from stay.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl image prune tank")]
pub(crate) struct Prune {
    /// The pools
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pools: Vec<PoolName>,
}

impl Run for Prune {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let pools = or_all(ctx, self.pools)?;
        operation::run_each(ctx, pools, |pool| ImagePrune { pool })
    }
}
