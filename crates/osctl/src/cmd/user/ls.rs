//! `osctl user ls`.

use clap::Args;
use os_types::UserName;

use crate::cmd::Run;
use crate::cmd::entity::Names;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs};
use crate::reading;
use crate::target::Ref;

/// List users
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user ls --unregistered -o +uid_map")]
pub(crate) struct Ls {
    #[command(flatten)]
    names: Names<Ref<UserName>>,
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
            users.retain(|user| {
                let is_wanted = match (self.registered, self.unregistered) {
                    (true, _) => user.registered,
                    (_, true) => !user.registered,
                    _ => true,
                };
                is_wanted && self.names.fit(user)
            });
            Ok(users)
        })
    }
}
