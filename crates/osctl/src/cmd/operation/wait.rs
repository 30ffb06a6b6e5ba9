//! `osctl operation wait`.

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{OperationGet, OperationPart, WaitQuery};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Wait for the end of an operation
///
/// Ends as the command itself would have ended: with its error and exit code.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl operation wait 4f2a --timeout 60")]
pub(crate) struct Wait {
    /// Its id, or an unambiguous beginning or end of it
    #[arg(add = ArgValueCompleter::new(complete::operations))]
    id: String,
    /// Timeout in seconds (exit code 7) [default: its own deadline]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
}

impl Run for Wait {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let part = OperationPart { id: self.id };
        let found = ctx
            .client
            .ask::<OperationGet>(&part, &WaitQuery::default())?;
        let within = self
            .timeout
            .map(|seconds| Duration::from_secs(seconds.into()));
        let ended = operation::follow(ctx, found, within)?;
        operation::conclude(ctx, &ended)
    }
}
