//! `osctl ct restart`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerRestart;
use os_types::ContainerName;

use super::ready;
use super::stop::StopArgs;
use crate::cmd::Run;
use crate::complete;
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
    /// The containers, [pool:]id
    #[arg(required = true, add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Ref<ContainerName>>,
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
        operation::each(ctx, self.ids, |ctx, id| {
            let id = id.or_pool(ctx.pool());
            let Ref { pool, name } = id.clone();
            let command = ContainerRestart {
                pool,
                name,
                policy: policy.clone(),
            };
            operation::run(ctx, command)?;
            if is_to_wait {
                ready::wait(ctx, id, self.ready_timeout)?;
            }
            Ok(())
        })
    }
}
