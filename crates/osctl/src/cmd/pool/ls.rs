//! `osctl pool ls`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::{Code, Failure, PoolName};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::{complete, reading};

/// List imported pools
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool ls -o name,used,available -s used")]
pub(crate) struct Ls {
    /// Only these pools
    #[arg(value_name = "POOL", add = ArgValueCompleter::new(complete::pools))]
    pools: Vec<PoolName>,
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut pools = reading::pools(ctx)?;
            let wanted: Vec<_> = self.pools.iter().chain(ctx.pool()).collect();
            if let Some(name) = wanted
                .iter()
                .find(|name| !pools.iter().any(|pool| pool.name == ***name))
            {
                let message = format!("pool {name} is not imported");
                let failure = Failure::new(Code::NotFound, message);
                return Err(failure.next(format!("osctl pool import {name}")).into());
            }
            if !wanted.is_empty() {
                pools.retain(|pool| wanted.contains(&&pool.name));
            }
            Ok(pools)
        })
    }
}
