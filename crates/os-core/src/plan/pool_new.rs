//! `pool-new`: a loop pool, from nothing to in use.

use os_api::command::PoolNew;
use os_types::step::{
    PoolActiveStep, PoolImageStep, PoolMarkStep, PoolOpenStep, PoolSourceStep, PropertyStep,
};
use os_types::{
    ByteSize, Code, DatasetName, Explain, Failure, FileSystem, Plan, PoolName, Presence, Step,
};

use super::context::{Context, about_pool, refuse};
use super::{ACTIVE_PROPERTY, source};

/// A file system smaller than this has no room for anything.
const SMALLEST: ByteSize = ByteSize::mib(256);

/// The largest file the kernel has offsets for (`loff_t`).
const LARGEST: ByteSize = ByteSize(i64::MAX as u64);

#[derive(Debug, thiserror::Error)]
enum PoolNewError {
    #[error("an image has {SMALLEST} to {LARGEST}, not {0}")]
    Size(ByteSize),
    #[error("this host knows a pool {0} already")]
    Exists(PoolName),
    #[error("the kernel of this host has no ZFS")]
    NoZfs,
}

impl Explain for PoolNewError {
    fn code(&self) -> Code {
        match self {
            Self::Size(_) => Code::Body,
            Self::Exists(_) => Code::Exists,
            Self::NoZfs => Code::NotFound,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Size(_) | Self::NoZfs => None,
            Self::Exists(pool) => Some(format!("pool {pool}")),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Size(_) => None,
            Self::Exists(_) => Some("osctl pool ls".to_owned()),
            Self::NoZfs => Some("modprobe zfs".to_owned()),
        }
    }
}

pub(super) fn plan(body: &PoolNew, context: &Context<'_>) -> Result<Plan, Failure> {
    let pool = &body.pool;
    let size = body.size_bytes;
    if !(SMALLEST..=LARGEST).contains(&size) {
        return Err(refuse(PoolNewError::Size(size)));
    }
    if context.facts.sources.contains_key(pool) || context.state.pool(pool).is_some() {
        return Err(refuse(PoolNewError::Exists(pool.clone())));
    }
    let default = if context.facts.zfs.is_some() {
        FileSystem::Zfs
    } else {
        FileSystem::Btrfs
    };
    let file_system = body.file_system.unwrap_or(default);
    if file_system == FileSystem::Zfs && context.facts.zfs.is_none() {
        return Err(refuse(PoolNewError::NoZfs));
    }
    source::check_mountpoint(pool, context)?;
    let file = body.file.clone();
    let file = file.unwrap_or_else(|| context.facts.default_image(pool));
    source::check_path(&file)?;
    source::check_unshared(pool, &file, context)?;

    let to = Presence::Present;
    let steps = vec![
        Step::PoolImage(PoolImageStep {
            pool: pool.clone(),
            file: file.clone(),
            size,
            file_system: Some(file_system),
            to,
        }),
        Step::PoolSource(PoolSourceStep {
            pool: pool.clone(),
            before: None,
            after: Some(file),
        }),
        Step::PoolOpen(PoolOpenStep {
            pool: pool.clone(),
            force: false,
            installed: false,
            to,
        }),
        Step::Property(PropertyStep {
            dataset: DatasetName::from(pool),
            name: ACTIVE_PROPERTY.to_owned(),
            before: None,
            after: Some("yes".to_owned()),
        }),
        Step::PoolMark(PoolMarkStep {
            pool: pool.clone(),
            to,
        }),
        Step::PoolActive(PoolActiveStep {
            pool: pool.clone(),
            keep_users: false,
            to,
        }),
    ];
    Ok(about_pool(pool, steps))
}
