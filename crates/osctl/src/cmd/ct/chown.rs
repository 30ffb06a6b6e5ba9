//! `osctl ct chown`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerChown;
use os_types::{ContainerName, UserName};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Give a stopped container to another user of its pool
///
/// Only configuration changes: the files of a container are stored with the ids of the guest.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct chown web alice")]
pub(crate) struct Chown {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// The user
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: UserName,
}

impl Run for Chown {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let user = self.user;
        operation::run(ctx, ContainerChown { pool, name, user })
    }
}
