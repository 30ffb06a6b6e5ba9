//! `osctl ct freeze` and `osctl ct unfreeze`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::{ContainerFreeze, ContainerUnfreeze};
use os_types::ContainerName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Freeze all processes of running containers
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct freeze web")]
pub(crate) struct Freeze {
    /// The containers, [pool:]id
    #[arg(required = true, add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Ref<ContainerName>>,
}

impl Run for Freeze {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        operation::run_each(ctx, self.ids, |Ref { pool, name }| ContainerFreeze {
            pool,
            name,
        })
    }
}

/// Let the processes of frozen containers go on
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct unfreeze web")]
pub(crate) struct Unfreeze {
    /// The containers, [pool:]id
    #[arg(required = true, add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Ref<ContainerName>>,
}

impl Run for Unfreeze {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        operation::run_each(ctx, self.ids, |Ref { pool, name }| ContainerUnfreeze {
            pool,
            name,
        })
    }
}
