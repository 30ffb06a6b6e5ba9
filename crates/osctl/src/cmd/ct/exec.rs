//! `osctl ct exec`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_types::ContainerName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::exec::{self, Order, Style};
use crate::fault::Outcome;
use crate::target::Ref;

/// Run a command in a container
///
/// On a terminal the command gets a terminal of its own, else three streams. Signals are handed
/// on. Standard input is read to its end, also if the command does not; `</dev/null` gives none.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: that of the command; 128 + n if signal n killed it, 127 if \
    there is no such command,\n126 if it is not a program, 125 if it was not run for another reason.\n\n\
    Examples:\n  osctl ct exec web cat /etc/os-release\n  \
    tar c . | osctl ct exec web tar x -C /srv"
)]
pub(crate) struct Exec {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// Give it a terminal, whatever the streams of this command are
    #[arg(short, long, conflicts_with = "no_terminal")]
    terminal: bool,
    /// Give it streams, also on a terminal
    #[arg(short = 'T', long)]
    no_terminal: bool,
    /// If it is stopped, run it for this command alone, without its own init
    #[arg(short, long)]
    run_container: bool,
    /// The command and its arguments; a name without a slash is looked for in the guest's PATH
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Run for Exec {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let order = Order {
            run: self.run_container,
            id: self.id,
            argv: self.command,
            style: match (self.terminal, self.no_terminal) {
                (true, _) => Style::Terminal,
                (_, true) => Style::Streams,
                _ => Style::AsHere,
            },
        };
        exec::run(ctx, order)
    }
}
