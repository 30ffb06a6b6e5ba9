//! `osctl id-range show`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::IdRangeName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::target::Ref;
use crate::{complete, reading};

/// Show an id range
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl id-range show tank:default")]
pub(crate) struct Show {
    /// The range, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::id_ranges))]
    range: Ref<IdRangeName>,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::show(ctx, &self.shown, |ctx| reading::id_range(ctx, self.range))
    }
}
