//! `osctl ct exec`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::exec::ExecRequest;
use os_types::ContainerName;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::target::Ref;
use crate::{complete, exec};

/// Run a command in a container
///
/// The exit status is that of the command, 128 + n if signal n killed it, 127 if there is no such
/// command, 126 if it is none, and 125 if it was not run for another reason.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  osctl ct exec web cat /etc/os-release\n  \
    tar c . | osctl ct exec web tar x -C /srv")]
pub(crate) struct Exec {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// If it is stopped, run it for this command alone, without its own init
    #[arg(short, long)]
    run_container: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Run for Exec {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let request = ExecRequest {
            pool,
            name,
            run: self.run_container,
            argv: self.command,
            terminal: None,
            term: None,
        };
        exec::run(ctx, &request)
    }
}
