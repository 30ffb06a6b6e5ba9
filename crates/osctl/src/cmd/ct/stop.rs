//! `osctl ct stop`.

use clap::Args;
use os_api::command::ContainerStop;
use os_types::{ContainerState, StopMethod, StopPolicy};

use super::targets::Targets;
use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// How containers are stopped.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// How long init may take to shut down; what is left then is killed
    #[arg(short, long, value_name = "SECONDS", default_value = "300",
        value_parser = clap::value_parser!(u32).range(0..=3600))]
    timeout: u32,
    /// Kill everything at once
    #[arg(short, long, conflicts_with_all = ["dont_kill", "timeout"])]
    kill: bool,
    /// Fail when the time is over, and kill nothing
    #[arg(long)]
    dont_kill: bool,
    /// Tell it to logged-in users before
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
}

impl StopArgs {
    /// The same as the API has it.
    pub(crate) fn policy(self) -> StopPolicy {
        let method = match (self.kill, self.dont_kill) {
            (true, _) => StopMethod::Kill,
            (_, true) => StopMethod::ShutdownOrFail,
            _ => StopMethod::ShutdownOrKill,
        };
        StopPolicy {
            method,
            timeout_ms: if self.kill { 0 } else { self.timeout * 1000 },
            message: self.message,
        }
    }
}

/// Stop containers; done when none of their processes is left
///
/// Their init is asked to shut down. When the time is over, all that is left is killed.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct stop -t 60 -m 'back in an hour' web")]
pub(crate) struct Stop {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    how: StopArgs,
}

impl Run for Stop {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let policy = self.how.policy();
        let targets = self.targets.resolve(ctx, ContainerState::is_alive)?;
        operation::run_many(ctx, &targets, "stopped", |Ref { pool, name }| {
            ContainerStop {
                pool,
                name,
                policy: policy.clone(),
            }
        })
    }
}
