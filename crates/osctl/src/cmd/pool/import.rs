//! `osctl pool import`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::PoolImport;
use os_api::endpoint::{Nothing, PoolSourceList};
use os_types::{HostPath, PoolName};

use crate::cmd::{Run, unless};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::host_path;

/// Open a pool and register what is on it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  osctl pool import tank\n  osctl pool import tank --source /srv/tank.img\n  osctl pool import --all"
)]
pub(crate) struct Import {
    /// Name of the pool
    #[arg(required_unless_present = "all", add = ArgValueCompleter::new(complete::known_pools))]
    pool: Option<PoolName>,
    /// Import every pool that this host knows and has not imported
    #[arg(short, long, conflicts_with_all = ["pool", "source"])]
    all: bool,
    /// Where it is, if this host does not know it yet or it has moved
    #[arg(long, value_hint = clap::ValueHint::AnyPath, value_parser = host_path)]
    source: Option<HostPath>,
    /// Take it over from a host that did not export it; never while that host uses it
    #[arg(short, long)]
    force: bool,
    /// Start containers with autostart (default)
    #[arg(short = 's', long, overrides_with = "no_autostart")]
    autostart: bool,
    /// Start nothing
    #[arg(long, overrides_with = "autostart")]
    no_autostart: bool,
}

impl Run for Import {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let import = |pool: PoolName| PoolImport {
            pool,
            source: self.source.clone(),
            force: self.force,
            autostart: unless(self.autostart, self.no_autostart),
        };
        if let Some(pool) = &self.pool {
            return operation::run(ctx, import(pool.clone()));
        }
        let sources = ctx.client.ask::<PoolSourceList>(&Nothing {}, &Nothing {})?;
        let closed = sources.into_iter().filter(|source| !source.imported);
        let pools = closed.map(|source| source.pool).collect();
        // One pool that cannot be imported must not keep the others closed.
        operation::run_each(ctx, pools, import)
    }
}
