//! `osctl id-range table`.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;
use os_api::view::SegmentKind;
use os_types::{Code, Failure, IdRangeName};

use crate::cmd::{Run, commands};
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ListArgs, ShowArgs};
use crate::target::Ref;
use crate::{complete, reading};

commands! {
    Table {
        #[command(visible_alias = "list")]
        Ls(Ls),
        #[command(visible_alias = "info")]
        Show(Show),
    }
}

/// List the blocks of a range, and who has them
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl id-range table ls default allocated")]
pub(crate) struct Ls {
    /// The range, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::id_ranges))]
    range: Ref<IdRangeName>,
    /// Which blocks
    #[arg(default_value = "all")]
    which: Which,
    #[command(flatten)]
    list: ListArgs,
}

/// Which blocks of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    All,
    Allocated,
    Free,
}

impl Run for Ls {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        listing::list(ctx, &self.list, |ctx| {
            let mut segments = reading::id_table(ctx, self.range)?;
            segments.retain(|segment| match self.which {
                Which::All => true,
                Which::Allocated => segment.kind == SegmentKind::Allocated,
                Which::Free => segment.kind == SegmentKind::Free,
            });
            Ok(segments)
        })
    }
}

/// Show the run of blocks that a block belongs to
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl id-range table show default 0")]
pub(crate) struct Show {
    /// The range, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::id_ranges))]
    range: Ref<IdRangeName>,
    /// Index of the block
    block_index: u32,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let index = self.block_index;
        listing::show(ctx, &self.shown, |ctx| {
            let segments = reading::id_table(ctx, self.range.clone())?;
            let mut fitting = segments.into_iter().filter(|segment| {
                let offset = index.checked_sub(segment.block_index);
                offset.is_some_and(|offset| offset < segment.block_count)
            });
            fitting.next().ok_or_else(|| {
                let message = format!("id range {} has no block {index}", self.range);
                let failure = Failure::new(Code::NotFound, message);
                failure
                    .next(format!("osctl id-range table ls {}", self.range))
                    .into()
            })
        })
    }
}
