//! `osctl group show`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::GroupName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::target::Ref;
use crate::{complete, reading};

/// Show a group
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl group show tank:/default")]
pub(crate) struct Show {
    /// The group, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::groups))]
    group: Ref<GroupName>,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| reading::group(ctx, self.group))
    }
}
