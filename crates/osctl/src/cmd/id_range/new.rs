//! `osctl id-range new`.

use clap::Args;
use os_api::command::IdRangeNew;
use os_types::IdRangeName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Create an id range
#[derive(Debug, Args)]
#[command(
    after_help = "Example: osctl id-range new big --start-id 3000000 --block-size 1000000 --block-count 10"
)]
pub(crate) struct New {
    /// The new range, [pool:]name
    range: Ref<IdRangeName>,
    /// First host id
    #[arg(long, value_name = "ID")]
    start_id: u32,
    /// Ids a block
    #[arg(long, value_name = "COUNT")]
    block_size: u32,
    /// Number of blocks
    #[arg(long, value_name = "COUNT")]
    block_count: u32,
}

impl Run for New {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.range.or_pool(ctx.pool());
        let command = IdRangeNew {
            pool,
            name,
            start_id: self.start_id,
            block_size: self.block_size,
            block_count: self.block_count,
        };
        operation::run(ctx, command)
    }
}
