//! `osctl trash-bin`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::TrashPrune;
use os_types::PoolName;

use crate::cmd::{Run, commands};
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::{complete, operation, reading};

commands! {
    TrashBinCommand {
        Prune(Prune),
    }
}

/// Destroy what is in the trash bins of pools; without a pool, of all
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl trash-bin prune tank")]
pub(crate) struct Prune {
    /// The pools
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pools: Vec<PoolName>,
}

impl Run for Prune {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let pools = or_all(ctx, self.pools)?;
        operation::run_each(ctx, pools, |pool| TrashPrune { pool })
    }
}

/// The pools that were named; if none was, that of `--pool`, or all that are imported.
pub(super) fn or_all(ctx: &mut Ctx, pools: Vec<PoolName>) -> Result<Vec<PoolName>, Fault> {
    if !pools.is_empty() {
        return Ok(pools);
    }
    if let Some(pool) = ctx.pool() {
        return Ok(vec![pool.clone()]);
    }
    let pools = reading::pools(ctx)?.into_iter();
    Ok(pools.map(|pool| pool.name).collect())
}
