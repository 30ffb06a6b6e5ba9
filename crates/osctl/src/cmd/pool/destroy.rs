//! `osctl pool destroy`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::PoolDestroy;
use os_types::{Code, Failure, PoolName};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Destroy an exported loop pool with everything on it
///
/// It cannot be undone. On a terminal the name of the pool is asked for.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool export tank && osctl pool destroy tank")]
pub(crate) struct Destroy {
    /// Name of the pool; it must be exported
    #[arg(add = ArgValueCompleter::new(complete::known_pools))]
    pool: PoolName,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Run for Destroy {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let pool = self.pool;
        if !self.yes && !ctx.globals.plan {
            let question = format!(
                "Everything on pool {pool} will be lost. Type the pool's name to confirm: "
            );
            let answer = ctx.ask(&question, &format!("osctl pool destroy --yes {pool}"))?;
            if answer != pool.as_str() {
                let failure =
                    Failure::new(Code::Cancelled, "that is not its name; nothing was done");
                return Err(failure.about(format_args!("pool {pool}")).into());
            }
        }
        operation::run(ctx, PoolDestroy { pool })
    }
}
