//! `osctl group del`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::GroupDel;
use os_types::GroupName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Delete a group without children and containers
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl group del /customers/web")]
pub(crate) struct Del {
    /// The group, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::groups))]
    group: Ref<GroupName>,
}

impl Run for Del {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.group.or_pool(ctx.pool());
        operation::run(ctx, GroupDel { pool, name })
    }
}
