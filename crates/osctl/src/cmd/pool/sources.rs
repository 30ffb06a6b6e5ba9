//! `osctl pool sources`.

use clap::Args;
use os_api::endpoint::{Nothing, PoolSourceList};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};

/// List the pools this host knows, imported or not
#[derive(Debug, Args)]
#[command(after_help = "`osctl pool import --all` imports all of them.")]
pub(crate) struct Sources {
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Sources {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            Ok(ctx.client.ask::<PoolSourceList>(&Nothing {}, &Nothing {})?)
        })
    }
}
