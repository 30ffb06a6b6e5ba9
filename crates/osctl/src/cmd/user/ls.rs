//! `osctl user ls`.

use clap::Args;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::reading;

/// List users
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user ls --unregistered -o +uid_map")]
pub(crate) struct Ls {
    /// Only those with a system user on this host
    #[arg(long, conflicts_with = "unregistered")]
    registered: bool,
    /// Only those without
    #[arg(long)]
    unregistered: bool,
    #[command(flatten)]
    list: ListArgs,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut users = reading::users(ctx)?;
            users.retain(|user| match (self.registered, self.unregistered) {
                (true, _) => user.registered,
                (_, true) => !user.registered,
                _ => true,
            });
            Ok(users)
        })
    }
}
