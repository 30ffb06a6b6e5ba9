//! Importing and mounting a zpool, and asking how it stands.
//!
//! ```text
//!   not imported ── import read-only ── look ── export ── import ── mount
//!   imported by the system, not mounted ─────── look ───────────── mount
//!   imported and mounted at its place ───────── look ── mount what is missing
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_cmd::{Invocation, Runner};
use os_types::{ByteSize, PoolName};

use super::contents::{Contents, inside};
use super::imported::{Imported, Purpose, find, import, is_importable, is_made_of};
use super::mounts::check_place;
use super::views::DatasetViews;
use super::{closing, mounts};
use crate::mountpoint::prepare_mountpoint;
use crate::pools::{Inspection, Takeover, look, system};
use crate::view::{FolderView, PoolView};
use crate::{Change, PoolError, PoolPlace, PoolSource, PoolStatus, StorageError};

/// How long a program that this process starts meanwhile may keep what it inherited.
const INSPECTION_PATIENCE: Duration = Duration::from_secs(10);

/// Properties that the pool's own dataset must have; `mountpoint` is another one.
const PROPERTIES: [(&str, &str); 2] = [("setuid", "off"), ("devices", "off")];

/// Whether there is something that could be the pool. A zpool is looked for on all disks.
fn exists(runner: &dyn Runner, place: &PoolPlace, source: &PoolSource) -> Result<bool, PoolError> {
    match source {
        PoolSource::Zpool => is_importable(runner, &place.name),
        PoolSource::Image(path) | PoolSource::BlockDevice(path) | PoolSource::Directory(path) => {
            match fs::metadata(path) {
                Ok(_) => Ok(true),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(e) => Err(system("look at", path, e)),
            }
        }
    }
}

pub(super) fn status(
    runner: &dyn Runner,
    place: &PoolPlace,
    source: &PoolSource,
) -> Result<PoolStatus, PoolError> {
    if find(runner, place, source)?.is_none() {
        return Ok(if exists(runner, place, source)? {
            PoolStatus::Closed
        } else {
            PoolStatus::Missing
        });
    }
    match check_place(place) {
        Ok(true) => {}
        Ok(false) | Err(PoolError::MountpointTaken { .. }) => return Ok(PoolStatus::HalfOpen),
        Err(e) => return Err(e),
    }
    let (used, available) = space(runner, &place.name)?;
    Ok(PoolStatus::Open {
        device: PathBuf::from(place.name.as_str()),
        size: ByteSize(used.saturating_add(available)),
        available: ByteSize(available),
    })
}

/// What is used by all datasets, and what they could still use.
fn space(runner: &dyn Runner, pool: &PoolName) -> Result<(u64, u64), PoolError> {
    let args = ["list", "-H", "-p", "-o", "used,available", pool.as_str()];
    let output = runner.run(Invocation::new("zfs").args(args));
    let text = output
        .map_err(|e| PoolError::tool("look at", pool, e))?
        .text();
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(used)), Some(Ok(available))) => Ok((used, available)),
        _ => Err(PoolError::NotPool {
            path: PathBuf::from(pool.as_str()),
            reason: format!("zfs printed {text:?} as its space"),
        }),
    }
}

pub(super) fn open(
    contents: &Contents,
    source: &PoolSource,
    takeover: Takeover,
    inspect: Inspection<'_>,
) -> Result<Change, PoolError> {
    let (runner, place) = (&*contents.runner, &contents.place);
    let mounted = check_place(place)?;
    let mut found = Imported::find(runner, &place.name)?;
    if found.as_ref().is_some_and(Imported::is_inspection) {
        closing::export(contents, INSPECTION_PATIENCE)?;
        found = None;
    }
    match found {
        None => open_closed(contents, source, takeover, inspect),
        Some(found) => {
            check_imported(contents, source, &found, mounted)?;
            open_imported(contents, mounted, inspect)
        }
    }
}

/// Whether a zpool that somebody has imported can be used as it is.
fn check_imported(
    contents: &Contents,
    source: &PoolSource,
    found: &Imported,
    mounted: bool,
) -> Result<(), PoolError> {
    let (runner, place) = (&*contents.runner, &contents.place);
    let path = || source.path().to_owned();
    if !is_made_of(runner, &place.name, source)? {
        if !exists(runner, place, source)? {
            return Err(PoolError::NotFound { path: path() });
        }
        return Err(PoolError::not_pool(
            source.path(),
            format!("another zpool {} is imported", place.name),
        ));
    }
    if found.readonly {
        return Err(PoolError::not_pool(
            source.path(),
            "it is imported read-only; export it first",
        ));
    }
    if !mounted {
        let entries = mounts::mounted(place.name.as_str()).map_err(|e| inside(contents, e))?;
        let own = |entry: &&os_sys::MountEntry| entry.source == Path::new(place.name.as_str());
        if let Some(other) = entries.iter().find(own) {
            return Err(PoolError::OpenElsewhere {
                path: path(),
                at: other.mount_point.clone(),
            });
        }
    }
    found.check_health(&place.name)
}

fn open_imported(
    contents: &Contents,
    mounted: bool,
    inspect: Inspection<'_>,
) -> Result<Change, PoolError> {
    let place = &contents.place;
    if mounted {
        look(place, &FolderView(&place.mountpoint), inspect)?;
        return Ok(if prepare(contents)? {
            Change::Changed
        } else {
            Change::Unchanged
        });
    }
    prepare_mountpoint(&place.mountpoint)?;
    inspect_unmounted(contents, inspect)?;
    prepare(contents)?;
    Ok(Change::Created)
}

fn open_closed(
    contents: &Contents,
    source: &PoolSource,
    takeover: Takeover,
    inspect: Inspection<'_>,
) -> Result<Change, PoolError> {
    let (runner, place) = (&*contents.runner, &contents.place);
    if *source != PoolSource::Zpool && !exists(runner, place, source)? {
        let path = source.path().to_owned();
        return Err(PoolError::NotFound { path });
    }
    prepare_mountpoint(&place.mountpoint)?;
    import(runner, &place.name, source, Purpose::Inspection, takeover)?;
    let seen = inspect_unmounted(contents, inspect);
    let exported = closing::export(contents, INSPECTION_PATIENCE);
    seen?;
    exported?;
    import(runner, &place.name, source, Purpose::Use, takeover)?;
    let prepared = Imported::find(runner, &place.name)
        .and_then(|found| found.map_or(Ok(()), |found| found.check_health(&place.name)))
        .and_then(|()| prepare(contents));
    match prepared {
        Ok(_) => Ok(Change::Created),
        Err(error) => {
            if let Err(error) = closing::close_all(contents) {
                tracing::warn!(pool = %place.name, %error, "zpool stays imported");
            }
            Err(error)
        }
    }
}

fn inspect_unmounted(contents: &Contents, inspect: Inspection<'_>) -> Result<(), PoolError> {
    let views = DatasetViews::default();
    // First of all: without its key nothing can be inspected.
    views
        .folder(&contents.top())
        .map_err(|e| inside(contents, e))?;
    look(&contents.place, &views, inspect)
}

/// Makes the pool what it should be, and mounts what is not mounted. Whether there was anything.
fn prepare(contents: &Contents) -> Result<bool, PoolError> {
    let prepared = || -> Result<bool, StorageError> {
        let top = contents.top();
        let datasets = contents.tree(&top)?;
        let own = datasets.first().filter(|first| first.info.name == top);
        let own = own.ok_or_else(|| StorageError::not_found(&top))?;
        if own.locked {
            let object = top.to_string();
            return Err(StorageError::Locked { object });
        }
        let place = contents.place.mountpoint.to_string_lossy();
        let wanted = PROPERTIES.into_iter().chain([("mountpoint", &*place)]);
        let missing: Vec<_> = wanted
            .filter(|(name, value)| own.local.get(*name).is_none_or(|found| found != value))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !missing.is_empty() {
            // -u: what is mounted by this is mounted below.
            let mut args = vec!["set", "-u"];
            args.extend(missing.iter().map(String::as_str));
            args.push(top.as_str());
            contents.change("prepare", &top, &args)?;
        }
        Ok(contents.mount_all(&datasets)? || !missing.is_empty())
    };
    prepared().map_err(|e| inside(contents, e))
}
