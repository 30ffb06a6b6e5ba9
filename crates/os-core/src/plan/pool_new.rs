//! `pool-new`: a loop pool, from nothing to in use.

use std::path::PathBuf;

use os_api::command::PoolNew;
use os_types::step::{PoolImageStep, PoolOpenStep};
use os_types::{ByteSize, Code, Failure, FileSystem, Plan, Presence, Step};

use super::context::{Context, about_pool};
use super::pool_import::activate;
use super::{ACTIVE_PROPERTY, source};

/// A file system smaller than this has no room for anything.
const SMALLEST: ByteSize = ByteSize::mib(256);

/// The largest file the kernel has offsets for (`loff_t`).
const LARGEST: ByteSize = ByteSize(i64::MAX as u64);

pub(super) fn plan(body: &PoolNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let size = body.size_bytes;
    if !(SMALLEST..=LARGEST).contains(&size) {
        let text = format!("an image has {SMALLEST} to {LARGEST}, not {size}");
        return Err(Failure::new(Code::Body, text));
    }
    if context.facts.sources.contains_key(pool) || context.state.pool(pool).is_some() {
        let text = format!("this host knows a pool {pool} already");
        return Err(Failure::new(Code::Exists, text)
            .about(format!("pool {pool}"))
            .next("osctl pool ls"));
    }
    let default = if context.facts.zfs.is_some() {
        FileSystem::Zfs
    } else {
        FileSystem::Btrfs
    };
    let file_system = body.file_system.unwrap_or(default);
    if file_system == FileSystem::Zfs && context.facts.zfs.is_none() {
        let text = "the kernel of this host has no ZFS";
        return Err(Failure::new(Code::NotFound, text).next("modprobe zfs"));
    }
    source::check_mountpoint(pool, context)?;
    let file = body.file.clone().map(PathBuf::from);
    let file = file.unwrap_or_else(|| context.facts.default_image(pool));
    source::check_unshared(pool, &file, context)?;

    let to = Presence::Present;
    let mut steps = vec![
        // First, so that no other pool is made in the same file meanwhile.
        source::step(pool, None, Some(file.clone())),
        Step::PoolImage(PoolImageStep {
            pool: pool.clone(),
            file,
            size,
            file_system: Some(file_system),
            to,
        }),
        Step::PoolOpen(PoolOpenStep {
            pool: pool.clone(),
            force: false,
            installed: false,
            to,
        }),
        source::property(pool, ACTIVE_PROPERTY, [None, Some("yes")]),
    ];
    steps.extend(activate(pool));
    Ok(about_pool(pool, steps))
}
