//! `osctl pool export`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::PoolExport;
use os_types::PoolName;

use crate::cmd::{Run, unless};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

/// Unregister what is on a pool and close it
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool export tank")]
pub(crate) struct Export {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
    /// Export also while containers run
    #[arg(short, long)]
    force: bool,
    /// Stop running containers (default)
    #[arg(short = 's', long, overrides_with = "no_stop_containers")]
    stop_containers: bool,
    /// Leave containers running
    #[arg(long, overrides_with = "stop_containers")]
    no_stop_containers: bool,
    /// Remove the system users of the pool from this host (default)
    #[arg(short = 'u', long, overrides_with = "no_unregister_users")]
    unregister_users: bool,
    /// Leave the system users of the pool on this host
    #[arg(long, overrides_with = "unregister_users")]
    no_unregister_users: bool,
    /// Do nothing, successfully, if it is not imported
    #[arg(long)]
    if_imported: bool,
    /// Write its documents in this schema first, for an older osctld
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    schema: Option<u32>,
}

impl Run for Export {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PoolExport {
            pool: self.pool,
            force: self.force,
            stop_containers: unless(self.stop_containers, self.no_stop_containers),
            unregister_users: unless(self.unregister_users, self.no_unregister_users),
            if_imported: self.if_imported,
            schema: self.schema,
        };
        operation::run(ctx, command)
    }
}
