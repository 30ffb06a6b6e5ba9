//! `osctl ct monitor`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::EventBody;
use os_types::{ContainerName, EntityRef};

use crate::cmd::Run;
use crate::cmd::monitor::{self, MonitorArgs};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::target::Ref;

/// Print what happens to containers, as it happens
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct monitor web mail")]
pub(crate) struct Monitor {
    /// Only these containers, [pool:]id
    #[arg(add = ArgValueCompleter::new(complete::containers))]
    ids: Vec<Ref<ContainerName>>,
    #[command(flatten)]
    args: MonitorArgs,
}

impl Run for Monitor {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let ids = self.ids.into_iter();
        let ids: Vec<_> = ids.map(|id| id.or_pool(ctx.pool())).collect();
        let is_wanted = |body: &EventBody| match body {
            EventBody::Container { pool, name, .. }
            | EventBody::Entity {
                entity: EntityRef::Container { pool, name },
                ..
            } => ids.is_empty() || ids.iter().any(|id| id.fits(pool, name)),
            EventBody::Gap { .. } => true,
            _ => false,
        };
        monitor::print(ctx, &self.args, Some(&is_wanted))
    }
}
