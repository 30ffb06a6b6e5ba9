//! `osctl ct freeze` and `osctl ct unfreeze`.

use clap::Args;
use os_api::command::{ContainerFreeze, ContainerUnfreeze};
use os_types::ContainerState;

use super::targets::Targets;
use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Freeze all processes of running containers
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct freeze web")]
pub(crate) struct Freeze {
    #[command(flatten)]
    targets: Targets,
}

impl Run for Freeze {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let targets = self
            .targets
            .resolve(ctx, |state| state == ContainerState::Running)?;
        operation::run_many(ctx, &targets, "frozen", |Ref { pool, name }| {
            ContainerFreeze { pool, name }
        })
    }
}

/// Let the processes of frozen containers go on
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct unfreeze web")]
pub(crate) struct Unfreeze {
    #[command(flatten)]
    targets: Targets,
}

impl Run for Unfreeze {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let targets = self
            .targets
            .resolve(ctx, |state| state == ContainerState::Frozen)?;
        operation::run_many(ctx, &targets, "unfrozen", |Ref { pool, name }| {
            ContainerUnfreeze { pool, name }
        })
    }
}
