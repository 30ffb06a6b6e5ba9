//! `osctl ct restart`.

use clap::Args;
use os_api::command::ContainerRestart;
use os_types::ContainerState;

use super::ready;
use super::stop::StopArgs;
use super::targets::Targets;
use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Stop containers and start them again
///
/// Those that are stopped are started.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct restart -w web")]
pub(crate) struct Restart {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    how: StopArgs,
    /// Wait until the guest is up again
    #[arg(short, long)]
    wait_ready: bool,
    /// With --wait-ready: wait so long at most (exit code 7 then)
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    ready_timeout: u32,
}

impl Run for Restart {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let policy = self.how.policy();
        let is_to_wait = self.wait_ready && !ctx.globals.plan;
        let targets = self.targets.resolve(ctx, ContainerState::is_alive)?;
        operation::run_many(ctx, &targets, "restarted", |Ref { pool, name }| {
            ContainerRestart {
                pool,
                name,
                policy: policy.clone(),
            }
        })?;
        if !is_to_wait {
            return Ok(());
        }
        operation::each(ctx, targets, |ctx, id| {
            ready::wait(ctx, id, self.ready_timeout)
        })
    }
}
