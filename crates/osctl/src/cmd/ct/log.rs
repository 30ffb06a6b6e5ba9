//! `osctl ct log`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{ContainerLogGet, ContainerPart, Nothing};
use os_types::ContainerName;

use crate::cmd::{Run, commands};
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::printer::printable;
use crate::target::Ref;
use crate::{complete, reading};

commands! {
    LogCommand {
        Cat(Cat),
        Path(LogPath),
    }
}

/// Print what LXC wrote about a container, at most the last 1 MiB
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct log cat web | tail")]
pub(crate) struct Cat {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Cat {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let found = reading::container(ctx, self.id)?;
        let part = ContainerPart {
            pool: found.pool,
            name: found.name,
        };
        let log = ctx.client.ask::<ContainerLogGet>(&part, &Nothing {})?;
        if ctx.globals.json {
            return ctx.printer.json(&log);
        }
        if log.cut {
            let path = log.path.display();
            ctx.printer.note(format_args!(
                "the beginning is left out; all of it is in {path}"
            ));
        }
        // A guest has its part in what is logged.
        for line in log.text.lines() {
            ctx.printer.line(printable(line))?;
        }
        Ok(())
    }
}

/// Print the path of the log of a container
#[derive(Debug, Args)]
#[command(after_help = "Example: tail -f $(osctl ct log path web)")]
pub(crate) struct LogPath {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for LogPath {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let found = reading::container(ctx, self.id)?;
        if ctx.globals.json {
            return ctx.printer.json(&found.log_file);
        }
        match found.log_file {
            Some(file) => ctx.printer.line(file.display()),
            None => Ok(()),
        }
    }
}
