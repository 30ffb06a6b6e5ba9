//! `osctl pool forget`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::PoolForget;
use os_types::PoolName;

use crate::cmd::Run;
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Forget an exported pool: where it is, and which host ids its users have
///
/// The host keeps the ids of an exported pool for the users on it. Forget a pool that does not come
/// back, so that its ids can be given to others. The pool itself is not touched; when it is imported
/// again, users whose ids are taken by then cannot be used.
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool forget tank")]
pub(crate) struct Forget {
    /// Name of the pool; it must be exported
    #[arg(add = ArgValueCompleter::new(complete::known_pools))]
    pool: PoolName,
}

impl Run for Forget {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        operation::run(ctx, PoolForget { pool: self.pool })
    }
}
