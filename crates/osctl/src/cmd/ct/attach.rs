//! `osctl ct attach`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::ContainerName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::exec::{self, Order, Style};
use crate::fault::Outcome;
use crate::target::Ref;

/// The best shell that the guest has.
const SHELL: &str = "command -v bash >/dev/null && exec bash -l; exec sh -l";

/// Open a shell in a running container
///
/// It is bash if the guest has it, else sh, as the guest's root. The exit status is that of the
/// shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct attach web")]
pub(crate) struct Attach {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Attach {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let order = Order {
            run: false,
            id: self.id,
            argv: ["/bin/sh", "-c", SHELL].map(str::to_owned).into(),
            style: Style::NeedsTerminal,
        };
        exec::run(ctx, order)
    }
}
