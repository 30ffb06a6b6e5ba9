//! `osctl ct start`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerStart;
use os_types::{ContainerName, StartInit};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Start containers; done when their init runs
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct start web")]
pub(crate) struct Start {
    /// The containers, [pool:]id
    #[arg(required = true, add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Ref<ContainerName>>,
    /// Let LXC log everything, see `osctl ct log cat`
    #[arg(short = 'D', long)]
    debug: bool,
}

impl Run for Start {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let debug = self.debug;
        operation::run_each(ctx, self.ids, |Ref { pool, name }| ContainerStart {
            pool,
            name,
            debug,
            init: StartInit::Own,
        })
    }
}
