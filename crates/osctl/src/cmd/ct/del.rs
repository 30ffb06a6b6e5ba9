//! `osctl ct del`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerDel;
use os_types::ContainerName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Delete containers; their roots go to the trash bin of the pool
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct del -f web")]
pub(crate) struct Del {
    /// The containers, [pool:]id
    #[arg(required = true, add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Ref<ContainerName>>,
    /// Kill what runs in them first
    #[arg(short, long)]
    force: bool,
}

impl Run for Del {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let force = self.force;
        operation::run_each(ctx, self.ids, |Ref { pool, name }| ContainerDel {
            pool,
            name,
            force,
        })
    }
}
