//! `osctl pool ls`.

use clap::Args;
use os_types::{Code, Failure, PoolName};

use crate::cmd::Run;
use crate::cmd::entity::Names;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::reading;

/// List imported pools
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool ls -o name,used,available -s used")]
pub(crate) struct Ls {
    #[command(flatten)]
    names: Names<PoolName>,
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut pools = reading::pools(ctx)?;
            let one = ctx.pool().cloned();
            let has = |name: &PoolName| pools.iter().any(|pool| pool.name == *name);
            let wanted = self.names.exact().chain(&one);
            if let Some(name) = wanted.into_iter().find(|name| !has(name)) {
                let message = format!("pool {name} is not imported");
                let failure = Failure::new(Code::NotFound, message);
                return Err(failure.next(format!("osctl pool import {name}")).into());
            }
            pools.retain(|pool| {
                one.as_ref().is_none_or(|one| *one == pool.name) && self.names.fit(pool)
            });
            Ok(pools)
        })
    }
}
