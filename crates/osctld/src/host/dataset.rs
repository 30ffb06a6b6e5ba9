//! The steps about datasets and their properties.

use std::collections::BTreeMap;

use os_engine::Readiness;
use os_storage::{Extent, PoolContents, PropertyEdit};
use os_types::{AttrKey, DatasetName, Failure, Presence};

use super::fail;

/// Properties of ours of one dataset, `None` if there is no such.
pub(super) fn properties(
    pool: &dyn PoolContents,
    dataset: &DatasetName,
) -> Result<Option<BTreeMap<AttrKey, String>>, Failure> {
    let found = pool.properties(dataset);
    found.map_err(|error| fail::storage(&error))
}

/// Whether there is such a dataset.
pub(super) fn exists(pool: &dyn PoolContents, dataset: &DatasetName) -> Result<bool, Failure> {
    let found = pool.exists(dataset);
    found.map_err(|error| fail::storage(&error))
}

pub(super) fn look(
    pool: &dyn PoolContents,
    dataset: &DatasetName,
    to: Presence,
) -> Result<Readiness, Failure> {
    Ok(match (exists(pool, dataset)?, to) {
        (true, Presence::Present) | (false, Presence::Absent) => Readiness::Done,
        _ => Readiness::Ready,
    })
}

pub(super) fn go(
    pool: &dyn PoolContents,
    dataset: &DatasetName,
    to: Presence,
) -> Result<(), Failure> {
    let changed = match to {
        Presence::Present => pool.create(dataset, &[]),
        Presence::Absent => pool.destroy(dataset, Extent::Only),
    };
    changed.map(drop).map_err(|error| fail::storage(&error))
}

/// A change of a property.
pub(super) struct Edit<'a> {
    pub(super) dataset: &'a DatasetName,
    pub(super) name: &'a str,
    pub(super) before: Option<&'a str>,
    pub(super) after: Option<&'a str>,
}

pub(super) fn look_property(
    pool: &dyn PoolContents,
    edit: &Edit<'_>,
) -> Result<Readiness, Failure> {
    let key: AttrKey = edit.name.parse()?;
    let Some(properties) = properties(pool, edit.dataset)? else {
        return Ok(Readiness::Conflict(format!(
            "{} does not exist",
            edit.dataset
        )));
    };
    let found = properties.get(&key).map(String::as_str);
    Ok(if found == edit.after {
        Readiness::Done
    } else if found == edit.before {
        Readiness::Ready
    } else {
        Readiness::Conflict(format!("{key} on {} is {found:?}", edit.dataset))
    })
}

pub(super) fn set_property(pool: &dyn PoolContents, edit: &Edit<'_>) -> Result<(), Failure> {
    let value = edit.after.map(ToOwned::to_owned);
    let change = PropertyEdit::User(edit.name.parse()?, value);
    pool.set(edit.dataset, &[change])
        .map(drop)
        .map_err(|error| fail::storage(&error))
}
