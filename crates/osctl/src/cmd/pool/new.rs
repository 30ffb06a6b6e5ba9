//! `osctl pool new`.

use clap::Args;
use os_api::command::PoolNew;
use os_types::{ByteSize, FileSystem, HostPath, PoolName};

use crate::cmd::{Run, one_of};
use crate::context::Ctx;
use crate::fault::Outcome;
use crate::operation;
use crate::target::host_path;

/// Make a loop pool: a sparse image file with a zpool or a btrfs, installed and imported
#[derive(Debug, Args)]
#[command(after_help = "Example: osctl pool new tank --size 10G")]
pub(crate) struct New {
    /// Name of the new pool
    pool: PoolName,
    /// Size of the image, at least 256M; it takes only the space that is written
    #[arg(long)]
    size: ByteSize,
    /// The image file to make [default: in the state directory of osctld]
    #[arg(long, value_hint = clap::ValueHint::FilePath, value_parser = host_path)]
    file: Option<HostPath>,
    /// What to make in it [default: zfs if the kernel has it, else btrfs]
    #[arg(long, value_parser = one_of(&FileSystem::ALL, FileSystem::as_str))]
    filesystem: Option<FileSystem>,
}

impl Run for New {
    fn run(self, ctx: &mut Ctx) -> Outcome {
        let command = PoolNew {
            pool: self.pool,
            size_bytes: self.size,
            file: self.file,
            file_system: self.filesystem,
        };
        operation::run(ctx, command)
    }
}
