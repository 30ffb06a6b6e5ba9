//! `osctl id-range del`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::IdRangeDel;
use os_types::IdRangeName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Delete an id range without allocations
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl id-range del big")]
pub(crate) struct Del {
    /// The range, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::id_ranges))]
    range: Ref<IdRangeName>,
}

impl Run for Del {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.range.or_pool(ctx.pool());
        operation::run(ctx, IdRangeDel { pool, name })
    }
}
