//! `osctl operation show`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{OperationGet, OperationPart, WaitQuery};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::listing::{self, ShowArgs};
use crate::printer::printable;
use crate::views::word;

/// Show an operation and its steps
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl operation show 4f2a")]
pub(crate) struct Show {
    /// Its id, or an unambiguous beginning or end of it
    #[arg(add = ArgValueCompleter::new(complete::operations))]
    id: String,
    #[command(flatten)]
    shown: ShowArgs,
}

impl Run for Show {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let mut steps = Vec::new();
        listing::show(ctx, &self.shown, |ctx| {
            let part = OperationPart { id: self.id };
            let operation = ctx
                .client
                .ask::<OperationGet>(&part, &WaitQuery::default())?;
            steps.clone_from(&operation.steps);
            Ok(operation)
        })?;
        if ctx.globals.json || self.shown.output.is_some() || self.shown.hide_header {
            return Ok(());
        }
        let width = steps.len().to_string().len();
        (1..).zip(&steps).try_for_each(|(number, step)| {
            let (state, text) = (word(step.state), printable(&step.text));
            ctx.printer
                .line(format_args!("{number:>width$}. {state:<9}  {text}"))
        })
    }
}
