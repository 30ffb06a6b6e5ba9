//! `osctl id-range allocate`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::IdRangeAllocate;
use os_types::IdRangeName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Allocate blocks of an id range
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl id-range allocate default --block-count 4 --owner backup")]
pub(crate) struct Allocate {
    /// The range, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::id_ranges))]
    range: Ref<IdRangeName>,
    /// Number of adjacent blocks
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    block_count: u32,
    /// The first block [default: the first free run that is long enough]
    #[arg(long, value_name = "INDEX")]
    block_index: Option<u32>,
    /// Owner of the blocks
    #[arg(long)]
    owner: Option<String>,
}

impl Run for Allocate {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.range.or_pool(ctx.pool());
        let command = IdRangeAllocate {
            pool,
            name,
            block_count: self.block_count,
            block_index: self.block_index,
            owner: self.owner,
        };
        operation::run(ctx, command)
    }
}
