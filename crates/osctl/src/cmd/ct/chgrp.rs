//! `osctl ct chgrp`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::ContainerChgrp;
use os_types::{ContainerName, GroupName};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Move a stopped container into another group of its pool
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct chgrp web /customers")]
pub(crate) struct Chgrp {
    /// The container, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    id: Ref<ContainerName>,
    /// The group
    #[arg(add = ArgValueCompleter::new(complete::groups))]
    group: GroupName,
}

impl Run for Chgrp {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.id.or_pool(ctx.pool());
        let group = self.group;
        operation::run(ctx, ContainerChgrp { pool, name, group })
    }
}
