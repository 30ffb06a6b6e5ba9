//! `osctl pool install`.

use clap::Args;
use os_api::command::PoolInstall;
use os_types::{DatasetName, HostPath, PoolName};

use crate::cmd::Run;
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::host_path;

/// Make an existing btrfs or zpool a pool and import it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  osctl pool install tank\n  osctl pool install tank --source /dev/sdb1"
)]
pub(crate) struct Install {
    /// Name of the pool
    pool: PoolName,
    /// An image file or block device with a btrfs, or a directory on a mounted btrfs; default:
    /// the zpool of that name
    #[arg(long, value_hint = clap::ValueHint::AnyPath, value_parser = host_path)]
    source: Option<HostPath>,
    /// Keep everything below this dataset of the pool instead of at its top
    #[arg(long)]
    dataset: Option<DatasetName>,
}

impl Run for Install {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PoolInstall {
            pool: self.pool,
            source: self.source,
            dataset: self.dataset,
        };
        operation::run(ctx, command)
    }
}
