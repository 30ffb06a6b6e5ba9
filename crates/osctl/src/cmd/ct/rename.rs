//! `osctl ct rename`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerRename;
use os_types::ContainerName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Give a stopped container another id
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct rename web web-old")]
pub(crate) struct Rename {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// Its new id, on the same pool
    new_id: ContainerName,
}

impl Run for Rename {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let to = self.new_id;
        operation::run(ctx, ContainerRename { pool, name, to })
    }
}
