//! `osctl pool reload`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::PoolReload;
use os_types::PoolName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Read the configuration of a pool again, after it was repaired by hand
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool reload tank")]
pub(crate) struct Reload {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
}

impl Run for Reload {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        operation::run(ctx, PoolReload { pool: self.pool })
    }
}
