//! `osctl history`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{HistoryList, HistoryQuery, Nothing};
use os_types::PoolName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};

/// List what was done, the newest last
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl history tank -n 20 -o +id,undoable")]
pub(crate) struct History {
    /// Only of these pools [default: of the host and all pools]
    #[arg(value_name = "POOL", add = ArgValueCompleter::new(complete::pools))]
    pools: Vec<PoolName>,
    /// How many commands at most
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    list: ListArgs,
}

impl Run for History {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut pools: Vec<_> = self.pools.into_iter().map(Some).collect();
            if pools.is_empty() {
                pools.push(ctx.pool().cloned());
            }
            let mut records = Vec::new();
            for pool in pools {
                let query = HistoryQuery {
                    pool,
                    limit: Some(self.limit),
                };
                records.extend(ctx.client.ask::<HistoryList>(&Nothing {}, &query)?);
            }
            // Of several pools, the newest together.
            records.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
            let surplus = records.len().saturating_sub(self.limit as usize);
            Ok(records.split_off(surplus))
        })
    }
}
