//! `assets` of the host and of each entity.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::endpoint::{AssetList, AssetsOf, AssetsQuery, Nothing};
use os_api::view::Asset;

use crate::cmd::Run;
use crate::context::Ctx;
use crate::entity::Target;
use crate::fault::{Fault, Outcome};
use crate::listing::{self, ListArgs};

/// List what osctld expects to exist on the host, and in what state it is
#[derive(Debug, Args)]
#[command(after_help = "`osctl healthcheck` shows only what is wrong, and what to do.")]
pub(crate) struct HostAssets {
    /// Also that of pools, id ranges, users, groups and containers
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    shown: AssetArgs,
}

impl Run for HostAssets {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let query = AssetsQuery {
            kind: (!self.all).then_some(AssetsOf::Host),
            pool: ctx.pool().filter(|_| self.all).cloned(),
            ..AssetsQuery::default()
        };
        print(ctx, self.shown, |ctx| fetch(ctx, &query))
    }
}

/// List what it expects to exist, and in what state it is
#[derive(Debug, Args)]
pub(crate) struct EntityAssets<T: Target> {
    /// Whose assets
    #[arg(add = ArgValueCompleter::new(T::complete))]
    name: T,
    #[command(flatten)]
    shown: AssetArgs,
}

impl<T: Target> Run for EntityAssets<T> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        print(ctx, self.shown, |ctx| {
            let found = self.name.read(ctx)?;
            let (pool, name) = T::place(&found);
            let query = AssetsQuery {
                kind: Some(T::KIND),
                pool: Some(pool.clone()),
                name: (T::KIND != AssetsOf::Pool).then(|| name.to_owned()),
                invalid: false,
            };
            fetch(ctx, &query)
        })
    }
}

/// How assets are shown.
#[derive(Debug, Args)]
pub(crate) struct AssetArgs {
    /// Show also what each is for and what is wrong with it
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    list: ListArgs,
}

/// The assets that `query` asks for.
pub(crate) fn fetch(ctx: &mut Ctx, query: &AssetsQuery) -> Result<Vec<Asset>, Fault> {
    Ok(ctx.client.ask::<AssetList>(&Nothing {}, query)?)
}

fn print(
    ctx: &mut Ctx,
    mut args: AssetArgs,
    assets: impl FnOnce(&mut Ctx) -> Result<Vec<Asset>, Fault>,
) -> Outcome {
    if args.verbose && !ctx.globals.json && args.list.output.is_none() {
        args.list.output = Some("+description,errors".to_owned());
    }
    listing::list(ctx, &args.list, assets)
}
