//! `osctl ct show`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::ContainerName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::target::Ref;
use crate::{complete, reading};

/// Show a container
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct show -H -o init_pid web")]
pub(crate) struct Show {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| reading::container(ctx, self.id))
    }
}
