//! `osctl ct start`.

use clap::Args;
use os_api::command::ContainerStart;
use os_types::{ContainerState, StartInit};

use super::ready;
use super::targets::Targets;
use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation::{self, Wait};
use crate::target::Ref;

/// Start containers
///
/// Done when their init runs, or with --wait-ready when the guest is up: it asks for a login, or
/// has nothing left to start. Those that run already are no error.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct start -w web")]
pub(crate) struct Start {
    #[command(flatten)]
    targets: Targets,
    /// Wait this long for its init to run, or `infinity`; 0: only until the command is accepted
    /// [default: infinity]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<Wait>,
    /// Wait until the guest is up
    #[arg(short, long)]
    wait_ready: bool,
    /// With --wait-ready: timeout in seconds (exit code 7)
    #[arg(
        long,
        visible_alias = "ready-timeout",
        value_name = "SECONDS",
        default_value = "120"
    )]
    timeout: u32,
    /// Let LXC log everything, see `osctl ct log cat`
    #[arg(short = 'D', long)]
    debug: bool,
}

impl Run for Start {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let is_to_wait = self.wait_ready && !ctx.globals.plan;
        let targets = self
            .targets
            .resolve(ctx, |state| state == ContainerState::Stopped)?;
        let wait = self.wait.unwrap_or(Wait::Forever);
        operation::run_many_within(ctx, &targets, "started", wait, |Ref { pool, name }| {
            ContainerStart {
                pool,
                name,
                debug: self.debug,
                init: StartInit::Own,
            }
        })?;
        if !is_to_wait {
            return Ok(());
        }
        operation::each(ctx, targets, |ctx, id| ready::wait(ctx, id, self.timeout))
    }
}
