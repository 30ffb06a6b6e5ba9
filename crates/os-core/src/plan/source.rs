//! Where a pool comes from: rules for its path and its place on the host.

use std::path::{Component, Path, PathBuf};

use os_types::step::PoolSourceStep;
use os_types::{Code, Explain, Failure, PoolName, Step};

use super::context::{Context, refuse};

/// The path or the place cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error(
        "path {0:?} is not absolute, or has '..', a control character or bytes that are not UTF-8 in it"
    )]
    Path(PathBuf),
    #[error("{} is pool {owner}", path.display())]
    Taken { path: PathBuf, owner: PoolName },
    #[error("{} exists on this host and is not empty, pool {pool} cannot be mounted there", at.display())]
    Mountpoint { pool: PoolName, at: PathBuf },
    #[error("this host does not know a pool {0}, and no source is given")]
    Unknown(PoolName),
}

impl Explain for SourceError {
    fn code(&self) -> Code {
        match self {
            Self::Path(_) => Code::Name,
            Self::Taken { .. } => Code::InUse,
            Self::Mountpoint { .. } => Code::Exists,
            Self::Unknown(_) => Code::NotFound,
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::Path(_) => None,
            Self::Taken { owner: pool, .. }
            | Self::Mountpoint { pool, .. }
            | Self::Unknown(pool) => Some(format!("pool {pool}")),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Unknown(pool) => Some(format!("osctl pool import --source PATH {pool}")),
            Self::Taken { .. } => Some("osctl pool ls".to_owned()),
            Self::Path(_) | Self::Mountpoint { .. } => None,
        }
    }
}

/// Refuses paths that cannot stand in a journal, a link or a message as they are.
pub(super) fn check_path(path: &Path) -> Result<(), Failure> {
    let plain = path
        .to_str()
        .is_some_and(|text| !text.contains(char::is_control));
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if path.is_absolute() && plain && !climbs {
        Ok(())
    } else {
        Err(refuse(SourceError::Path(path.to_owned())))
    }
}

/// Refuses a source that another pool has. All zpools are found through one device.
pub(super) fn check_unshared(
    pool: &PoolName,
    path: &Path,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if context.facts.zfs.as_deref() == Some(path) {
        return Ok(());
    }
    let mut others = context
        .facts
        .sources
        .iter()
        .filter(|(name, _)| *name != pool);
    match others.find(|(_, known)| known.path == path) {
        None => Ok(()),
        Some((owner, _)) => Err(refuse(SourceError::Taken {
            path: path.to_owned(),
            owner: owner.clone(),
        })),
    }
}

/// Refuses to mount a pool over something of the host, such as `/etc`.
pub(super) fn check_mountpoint(pool: &PoolName, context: &Context<'_>) -> Result<(), Failure> {
    if context.facts.mountpoint_taken(pool) {
        return Err(refuse(SourceError::Mountpoint {
            pool: pool.clone(),
            at: context.facts.mountpoint(pool),
        }));
    }
    Ok(())
}

/// The step that lets the host find a pool which is not imported at `given`; none if it does
/// already. Where nothing else is said it is a zpool.
pub(super) fn remember(
    pool: &PoolName,
    given: Option<&Path>,
    context: &Context<'_>,
) -> Result<Option<Step>, Failure> {
    let before = context.not_imported(pool)?.map(|known| known.path.clone());
    let after = match (given, before.as_ref().or(context.facts.zfs.as_ref())) {
        (Some(given), _) => {
            check_path(given)?;
            check_unshared(pool, given, context)?;
            given.to_owned()
        }
        (None, Some(known)) => known.clone(),
        (None, None) => return Err(refuse(SourceError::Unknown(pool.clone()))),
    };
    // A file system that is mounted where the pool belongs is its own source.
    if after != context.facts.mountpoint(pool) {
        check_mountpoint(pool, context)?;
    }
    Ok((before.as_ref() != Some(&after)).then(|| {
        Step::PoolSource(PoolSourceStep {
            pool: pool.clone(),
            before,
            after: Some(after),
        })
    }))
}
