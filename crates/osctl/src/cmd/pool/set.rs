//! `osctl pool set` and `osctl pool unset`.

use clap::Args;
use clap_complete::ArgValueCompleter;
use os_api::command::{PoolSet, PoolSetting, PoolUnset};
use os_types::PoolName;

use crate::cmd::attr::{SetAttr, UnsetAttr};
use crate::cmd::{Run, commands};
use crate::complete;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;

commands! {
    Set {
        ParallelStart(SetParallelStart),
        ParallelStop(SetParallelStop),
        Attr(SetAttr<PoolName>),
    }
}

commands! {
    Unset {
        ParallelStart(UnsetParallelStart),
        ParallelStop(UnsetParallelStop),
        Attr(UnsetAttr<PoolName>),
    }
}

/// How many containers are started at the same time
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool set parallel-start tank 8")]
pub(crate) struct SetParallelStart {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
    /// A number from 1 to 1000
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

impl Run for SetParallelStart {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PoolSet {
            pool: self.pool,
            parallel_start: Some(self.count),
            parallel_stop: None,
        };
        operation::run(ctx, command)
    }
}

/// How many containers are stopped at the same time
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool set parallel-stop tank 8")]
pub(crate) struct SetParallelStop {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
    /// A number from 1 to 1000
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

impl Run for SetParallelStop {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PoolSet {
            pool: self.pool,
            parallel_start: None,
            parallel_stop: Some(self.count),
        };
        operation::run(ctx, command)
    }
}

/// Start 2 containers at the same time again
#[derive(Debug, Args)]
pub(crate) struct UnsetParallelStart {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
}

impl Run for UnsetParallelStart {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        unset(ctx, self.pool, PoolSetting::ParallelStart)
    }
}

/// Stop 4 containers at the same time again
#[derive(Debug, Args)]
pub(crate) struct UnsetParallelStop {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
}

impl Run for UnsetParallelStop {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        unset(ctx, self.pool, PoolSetting::ParallelStop)
    }
}

fn unset(ctx: &mut Ctx, pool: PoolName, setting: PoolSetting) -> Outcome {
    operation::run(ctx, PoolUnset { pool, setting })
}
