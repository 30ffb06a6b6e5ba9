//! `osctl user set` and `osctl user unset`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::UserSet;
use os_types::UserName;

use crate::cmd::attr::{SetAttr, UnsetAttr};
use crate::cmd::{Run, commands};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

commands! {
    Set {
        Standalone(SetStandalone),
        Attr(SetAttr<Ref<UserName>>),
    }
}

commands! {
    Unset {
        Standalone(UnsetStandalone),
        Attr(UnsetAttr<Ref<UserName>>),
    }
}

/// Keep the user when its last container is deleted
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user set standalone alice")]
pub(crate) struct SetStandalone {
    /// The user, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: Ref<UserName>,
}

impl Run for SetStandalone {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        set(ctx, self.user, true)
    }
}

/// Delete the user with its last container
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user unset standalone alice")]
pub(crate) struct UnsetStandalone {
    /// The user, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: Ref<UserName>,
}

impl Run for UnsetStandalone {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        set(ctx, self.user, false)
    }
}

fn set(ctx: &mut Ctx, user: Ref<UserName>, standalone: bool) -> Outcome {
    let Ref { pool, name } = user.or_pool(ctx.pool());
    let command = UserSet {
        pool,
        name,
        standalone,
    };
    operation::run(ctx, command)
}
