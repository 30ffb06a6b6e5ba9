//! `osctl user del`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::UserDel;
use os_types::UserName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Delete a user that nothing uses
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user del alice")]
pub(crate) struct Del {
    /// The user, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: Ref<UserName>,
}

impl Run for Del {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.user.or_pool(ctx.pool());
        operation::run(ctx, UserDel { pool, name })
    }
}
