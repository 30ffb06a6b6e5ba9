//! `osctl queue`.

use clap::Args;
use os_api::endpoint::{Nothing, QueueList};

use crate::cmd::{Run, commands};
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};

commands! {
    QueueCommand {
        #[command(visible_alias = "list")]
        Ls(Ls),
    }
}

/// List what operations hold, since when, and who waits for it
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl queue ls")]
pub(crate) struct Ls {
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            Ok(ctx.client.ask::<QueueList>(&Nothing {}, &Nothing {})?)
        })
    }
}
