//! `osctl pool uninstall`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::PoolUninstall;
use os_types::PoolName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Make an exported pool an ordinary file system again
///
/// Nothing on it is deleted; `osctl pool install` makes it a pool again.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool uninstall tank")]
pub(crate) struct Uninstall {
    /// Name of the pool; it must be exported
    #[arg(add = ArgValueCompleter::new(complete::known_pools))]
    pool: PoolName,
}

impl Run for Uninstall {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        operation::run(ctx, PoolUninstall { pool: self.pool })
    }
}
