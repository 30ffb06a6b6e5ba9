//! `osctl group new`.

use clap::Args;
use os_api::command::GroupNew;
use os_types::GroupName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Create a group
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl group new -p /customers/web")]
pub(crate) struct New {
    /// The new group, [pool:]name; the name is a path and begins with a slash
    group: Ref<GroupName>,
    /// Create missing groups above it
    #[arg(short, long)]
    parents: bool,
}

impl Run for New {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.group.or_pool(ctx.pool());
        let command = GroupNew {
            pool,
            name,
            parents: self.parents,
        };
        operation::run(ctx, command)
    }
}
