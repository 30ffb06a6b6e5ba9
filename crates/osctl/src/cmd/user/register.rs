//! `osctl user reg` and `osctl user unreg`.

use std::str::FromStr;

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::{UserRegister, UserUnregister};
use os_types::{NameError, PoolName, UserName};

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::Ref;

/// Create the system user of a user, or of all without one
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user reg all --pool tank")]
pub(crate) struct Register {
    /// The user, [pool:]name, or `all`
    #[arg(add = ArgValueCompleter::new(complete::users_or_all))]
    user: OneOrAll,
}

impl Run for Register {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let (pool, name) = self.user.split(ctx);
        operation::run(ctx, UserRegister { pool, name })
    }
}

/// Remove the system user of a user, or of all
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl user unreg tank:alice")]
pub(crate) struct Unregister {
    /// The user, [pool:]name, or `all`
    #[arg(add = ArgValueCompleter::new(complete::users_or_all))]
    user: OneOrAll,
}

impl Run for Unregister {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let (pool, name) = self.user.split(ctx);
        operation::run(ctx, UserUnregister { pool, name })
    }
}

/// One user or all; a user called `all` is reached as `pool:all`.
#[derive(Debug, Clone)]
enum OneOrAll {
    One(Ref<UserName>),
    All,
}

impl OneOrAll {
    fn split(self, ctx: &Ctx) -> (Option<PoolName>, Option<UserName>) {
        match self {
            Self::All => (ctx.pool().cloned(), None),
            Self::One(user) => {
                let Ref { pool, name } = user.or_pool(ctx.pool());
                (pool, Some(name))
            }
        }
    }
}

impl FromStr for OneOrAll {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "all" => Ok(Self::All),
            name => name.parse().map(Self::One),
        }
    }
}
