//! `osctl id-range free`.

use clap::{ArgGroup, Args};
use clap_complete::ArgValueCompleter;
use os_api::command::IdRangeFree;
use os_types::IdRangeName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Free allocated blocks of an id range
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("allocation").args(["block_index", "owner"]).required(true),
    after_help = "Example: osctl id-range free default --owner backup"
)]
pub(crate) struct Free {
    /// The range, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::id_ranges))]
    range: Ref<IdRangeName>,
    /// The allocation that begins with this block
    #[arg(long, value_name = "INDEX")]
    block_index: Option<u32>,
    /// All allocations of this owner
    #[arg(long)]
    owner: Option<String>,
}

impl Run for Free {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.range.or_pool(ctx.pool());
        let command = IdRangeFree {
            pool,
            name,
            block_index: self.block_index,
            owner: self.owner,
        };
        operation::run(ctx, command)
    }
}
