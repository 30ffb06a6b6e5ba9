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
use crate::operation::{self, Wait};
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
    /// Wait this long for the end of the restart, or `infinity`; 0: only until the command is accepted
    /// [default: infinity]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<Wait>,
    /// Wait until the guest is up again
    #[arg(short, long)]
    wait_ready: bool,
    /// With --wait-ready: timeout in seconds (exit code 7)
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    ready_timeout: u32,
}

impl Run for Restart {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let policy = self.how.policy();
        let is_to_wait = self.wait_ready && !ctx.globals.plan;
        let targets = self.targets.resolve(ctx, ContainerState::is_alive)?;
        let wait = self.wait.unwrap_or(Wait::Forever);
        operation::run_many_within(ctx, &targets, "restarted", wait, |Ref { pool, name }| {
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
