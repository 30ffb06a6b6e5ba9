//! `osctl ct config`.

mod edit;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::{ContainerConfigReload, ContainerConfigReplace};
use os_api::endpoint::{ContainerConfigGet, ContainerPart, Nothing};
use os_types::ContainerName;

use crate::cmd::{Run, commands};
use crate::context::Ctx;
use crate::fault::{Fault, Outcome};
use crate::target::Ref;
use crate::{complete, operation, reading, standard_input};

commands! {
    ConfigCommand {
        Cat(Cat),
        Edit(edit::Edit),
        Replace(Replace),
        Reload(Reload),
    }
}

/// Print the configuration file of a container
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct config cat web > web.toml")]
pub(crate) struct Cat {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Cat {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let (_, text) = read(ctx, self.id)?;
        if ctx.globals.json {
            return ctx.printer.json(&os_api::view::ContainerConfig { text });
        }
        ctx.printer.text(&text)
    }
}

/// The configuration file and its path.
fn read(ctx: &mut Ctx, id: Ref<ContainerName>) -> Result<(ContainerPart, String), Fault> {
    let found = reading::container(ctx, id)?;
    let part = ContainerPart {
        pool: found.pool,
        name: found.name,
    };
    let config = ctx.client.ask::<ContainerConfigGet>(&part, &Nothing {})?;
    Ok((part, config.text))
}

/// Replace the configuration file of a stopped container by standard input
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct config replace web < web.toml")]
pub(crate) struct Replace {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Replace {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let text = standard_input::read()?;
        operation::run(ctx, ContainerConfigReplace { pool, name, text })
    }
}

/// Reload the configuration file of a stopped container
///
/// Use this after editing the file by hand.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct config reload web")]
pub(crate) struct Reload {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
}

impl Run for Reload {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        operation::run(ctx, ContainerConfigReload { pool, name })
    }
}
