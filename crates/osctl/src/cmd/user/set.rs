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
        /// Keep the user when its last container is deleted
        #[command(after_help = "Example: osctl user set standalone alice")]
        Standalone(Standalone<true>),
        Attr(SetAttr<Ref<UserName>>),
    }
}

commands! {
    Unset {
        /// Delete the user with its last container
        #[command(after_help = "Example: osctl user unset standalone alice")]
        Standalone(Standalone<false>),
        Attr(UnsetAttr<Ref<UserName>>),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Standalone<const VALUE: bool> {
    /// The user, [pool:]name
    #[arg(add = ArgValueCompleter::new(complete::users))]
    user: Ref<UserName>,
}

impl<const VALUE: bool> Run for Standalone<VALUE> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let Ref { pool, name } = self.user.or_pool(ctx.pool());
        let command = UserSet {
            pool,
            name,
            standalone: VALUE,
        };
        operation::run(ctx, command)
    }
}
