//! `osctl ct del`.

use clap::Args;
use os_api::command::ContainerDel;

use super::targets::Targets;
use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::{Outcome, of_deletion};
use crate::operation;
use crate::target::Ref;

/// Delete containers; their roots go to the trash bin of the pool
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct del -f web")]
pub(crate) struct Del {
    #[command(flatten)]
    targets: Targets,
    /// Kill what runs in them first
    #[arg(short, long)]
    force: bool,
}

impl Run for Del {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let force = self.force;
        let targets = self.targets.resolve(ctx, |_any| true)?;
        let outcome = operation::run_many(ctx, &targets, "deleted", |Ref { pool, name }| {
            ContainerDel { pool, name, force }
        });
        of_deletion(outcome)
    }
}
