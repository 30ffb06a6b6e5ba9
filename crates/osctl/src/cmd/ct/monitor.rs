//! `osctl ct monitor`.

use clap::Args;
use os_api::EventBody;
use os_types::{ContainerName, EntityRef};

use crate::cmd::Run;
use crate::cmd::entity::Names;
use crate::cmd::monitor::{self, MonitorArgs};
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::target::Ref;

/// Print what happens to containers, as it happens
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl ct monitor web mail")]
pub(crate) struct Monitor {
    #[command(flatten)]
    ids: Names<Ref<ContainerName>>,
    #[command(flatten)]
    args: MonitorArgs,
}

impl Run for Monitor {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let of = ctx.pool().cloned();
        let is_wanted = |body: &EventBody| match body {
            EventBody::Container { pool, name, .. }
            | EventBody::ContainerExit { pool, name, .. }
            | EventBody::Entity {
                entity: EntityRef::Container { pool, name },
                ..
            } => of.as_ref().is_none_or(|of| of == pool) && self.ids.fit_at((pool, name.as_str())),
            EventBody::Gap { .. } => true,
            _ => false,
        };
        monitor::print(ctx, &self.args, Some(&is_wanted))
    }
}
