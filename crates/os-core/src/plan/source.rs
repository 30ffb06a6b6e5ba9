//! Where a pool comes from: rules for its path and its place on the host.

use std::path::{Path, PathBuf};

use os_types::step::{PoolSourceStep, PropertyStep};
use os_types::{Code, DatasetName, Failure, HostPath, PoolName, Step};

use super::context::Context;

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
        Some((owner, _)) => {
            let text = format!("{} is pool {owner}", path.display());
            Err(Failure::new(Code::InUse, text)
                .about(format!("pool {owner}"))
                .next("osctl pool ls"))
        }
    }
}

/// Refuses to mount a pool over something of the host, such as `/etc`.
pub(super) fn check_mountpoint(pool: &PoolName, context: &Context<'_>) -> Result<(), Failure> {
    if context.facts.mountpoint_taken(pool) {
        let at = context.facts.mountpoint(pool);
        let text = format!(
            "{} exists on this host and is not empty, pool {pool} cannot be mounted there",
            at.display()
        );
        return Err(Failure::new(Code::Exists, text).about(format!("pool {pool}")));
    }
    Ok(())
}

/// The step that lets the host find a pool which is not imported at `given`; none if it does
/// already. Where nothing else is said it is a zpool.
pub(super) fn remember(
    pool: &PoolName,
    given: Option<&HostPath>,
    context: &Context<'_>,
) -> Result<Option<Step>, Failure> {
    let before = context.not_imported(pool)?.map(|known| known.path.clone());
    let after = match (given, before.as_ref().or(context.facts.zfs.as_ref())) {
        (Some(given), _) => {
            check_unshared(pool, given.as_path(), context)?;
            given.clone().into()
        }
        (None, Some(known)) => known.clone(),
        (None, None) => {
            let text = format!("this host does not know a pool {pool}, and no source is given");
            return Err(Failure::new(Code::NotFound, text)
                .about(format!("pool {pool}"))
                .next(format!("osctl pool import --source PATH {pool}")));
        }
    };
    // A file system that is mounted where the pool belongs is its own source.
    if after != context.facts.mountpoint(pool) {
        check_mountpoint(pool, context)?;
    }
    Ok((before.as_ref() != Some(&after)).then(|| step(pool, before, Some(after))))
}

/// Where this host finds the pool: before, and after the step.
pub(super) fn step(pool: &PoolName, before: Option<PathBuf>, after: Option<PathBuf>) -> Step {
    Step::PoolSource(PoolSourceStep {
        pool: pool.clone(),
        before,
        after,
    })
}

/// A property of the dataset by which a pool is known: its value before, and after the step.
pub(super) fn property(pool: &PoolName, name: &str, [before, after]: [Option<&str>; 2]) -> Step {
    Step::Property(PropertyStep {
        dataset: DatasetName::from(pool),
        name: name.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    })
}
