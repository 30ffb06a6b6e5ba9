//! `osctl user show`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::UserName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::target::Ref;
use crate::{complete, reading};

/// Show a user
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user show tank:alice")]
pub(crate) struct Show {
    /// The user, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: Ref<UserName>,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| reading::user(ctx, self.user))
    }
}
