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
        /// How many containers are started at the same time
        #[command(after_help = "Example: osctl pool set parallel-start tank 8")]
        ParallelStart(SetParallel<START>),
        /// How many containers are stopped at the same time
        #[command(after_help = "Example: osctl pool set parallel-stop tank 8")]
        ParallelStop(SetParallel<STOP>),
        Attr(SetAttr<PoolName>),
    }
}

commands! {
    Unset {
        /// Start 2 containers at the same time again
        ParallelStart(UnsetParallel<START>),
        /// Stop 4 containers at the same time again
        ParallelStop(UnsetParallel<STOP>),
        Attr(UnsetAttr<PoolName>),
    }
}

const START: bool = true;
const STOP: bool = false;

#[derive(Debug, Args)]
pub(crate) struct SetParallel<const WHICH: bool> {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
    /// A number from 1 to 1000
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
}

impl<const WHICH: bool> Run for SetParallel<WHICH> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PoolSet {
            pool: self.pool,
            parallel_start: (WHICH == START).then_some(self.count),
            parallel_stop: (WHICH == STOP).then_some(self.count),
        };
        operation::run(ctx, command)
    }
}

#[derive(Debug, Args)]
pub(crate) struct UnsetParallel<const WHICH: bool> {
    /// Name of the pool
    #[arg(add = ArgValueCompleter::new(complete::pools))]
    pool: PoolName,
}

impl<const WHICH: bool> Run for UnsetParallel<WHICH> {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let setting = if WHICH == START {
            PoolSetting::ParallelStart
        } else {
            PoolSetting::ParallelStop
        };
        let pool = self.pool;
        operation::run(ctx, PoolUnset { pool, setting })
    }
}
