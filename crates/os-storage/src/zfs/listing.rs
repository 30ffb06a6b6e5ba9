//! Reading what `zfs` prints.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use os_types::{AttrKey, ByteSize, DatasetName, SnapshotName};
use serde::Deserialize;

use crate::{DatasetInfo, SnapshotInfo};

/// Arguments of the listing of datasets, before `-r` and the name.
///
/// `none` are figures that ZFS computes, such as `used`; `local` and `received` is what is set on
/// the dataset itself. Everything else, which is most, is inherited or a default. JSON, since a
/// value of osctl may have any character in it.
pub(super) const DATASETS: [&str; 8] = [
    "get",
    "-j",
    "-p",
    "-t",
    "filesystem",
    "-s",
    "local,received,none",
    "all",
];

/// Columns of the listing of snapshots.
pub(super) const SNAPSHOTS: &str = "name,guid,createtxg,creation,used,referenced,clones";

/// What is printed is not what zfs(8) says.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListingError {
    #[error("zfs did not print what it should")]
    Json(#[from] serde_json::Error),
    #[error("zfs did not print {property} of {object}")]
    Missing {
        object: String,
        property: &'static str,
    },
    #[error("zfs printed {value:?} as {property} of {object}")]
    Value {
        object: String,
        property: &'static str,
        value: String,
    },
}

/// One dataset, with what the traits do not show.
#[derive(Debug, Clone)]
pub(super) struct Dataset {
    pub(super) info: DatasetInfo,
    /// Space written since the newest snapshot.
    pub(super) written: u64,
    /// Where it is mounted by its own wish, not by its name; also `none` and `legacy`.
    pub(super) mountpoint: Option<String>,
    /// Whether it wants to be mounted at all.
    pub(super) mountable: bool,
    /// Encrypted without its key.
    pub(super) locked: bool,
    /// Of a transfer that broke off.
    pub(super) token: Option<String>,
    /// Properties of ZFS itself that are set on it.
    pub(super) local: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Printed {
    datasets: BTreeMap<String, Item>,
}

#[derive(Deserialize)]
struct Item {
    properties: BTreeMap<String, Property>,
}

#[derive(Deserialize)]
struct Property {
    value: String,
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
}

/// Parents before children, siblings by name. What has a name that no object of osctl can have is left
/// out.
pub(super) fn datasets(text: &[u8]) -> Result<Vec<Dataset>, ListingError> {
    let printed: Printed = serde_json::from_slice(text)?;
    let mut datasets = Vec::with_capacity(printed.datasets.len());
    for (name, item) in &printed.datasets {
        match name.parse() {
            Ok(name) => datasets.push(dataset(name, item)?),
            Err(_foreign) => tracing::debug!(name, "not a dataset of osctl"),
        }
    }
    datasets.sort_by(|a, b| by_path(&a.info.name, &b.info.name));
    Ok(datasets)
}

/// Orders a parent right before its children: `a`, `a/b`, `a-c`.
fn by_path(a: &DatasetName, b: &DatasetName) -> Ordering {
    a.as_str().split('/').cmp(b.as_str().split('/'))
}

fn dataset(name: DatasetName, item: &Item) -> Result<Dataset, ListingError> {
    let properties = &item.properties;
    let text = |property: &str| {
        let found = properties.get(property).map(|p| p.value.as_str());
        found.filter(|value| !value.is_empty() && *value != "-")
    };
    let number = |property: &'static str| match text(property) {
        None => Ok(None),
        Some(value) => parse(&name, property, value).map(Some),
    };
    let required = |property| required(&name, property, number(property)?);
    let limit = |property| -> Result<_, ListingError> {
        Ok(number(property)?.filter(|n| *n != 0).map(ByteSize))
    };
    let origin = match text("origin") {
        // A snapshot with a name that no object of osctl has is still an origin, but not one to show.
        Some(origin) => origin.parse::<SnapshotName>().ok(),
        None => None,
    };
    let set = properties.iter().filter(|(_, p)| p.source.kind != "NONE");
    let (user, local): (Vec<_>, Vec<_>) = set.partition(|(key, _)| key.contains(':'));
    let user = user.into_iter().filter_map(|(key, property)| {
        let key = key.parse::<AttrKey>().ok()?;
        Some((key, property.value.clone()))
    });
    let local: BTreeMap<_, _> = local
        .into_iter()
        .map(|(key, property)| (key.clone(), property.value.clone()))
        .collect();
    Ok(Dataset {
        written: number("written")?.unwrap_or(0),
        mountpoint: local.get("mountpoint").cloned(),
        mountable: local.get("canmount").is_none_or(|value| value == "on"),
        locked: text("keystatus") == Some("unavailable"),
        token: text("receive_resume_token").map(str::to_owned),
        info: DatasetInfo {
            guid: required("guid")?.to_string(),
            created: since_epoch(required("creation")?),
            used: number("used")?.map(ByteSize),
            referenced: number("referenced")?.map(ByteSize),
            quota: limit("quota")?,
            refquota: limit("refquota")?,
            origin,
            properties: user.collect(),
            name,
        },
        local,
    })
}

/// One snapshot, with its place in time.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) info: SnapshotInfo,
    born: u64,
}

/// Grouped by dataset, in the order of those; oldest first within each.
pub(super) fn snapshots(text: &str) -> Result<Vec<Snapshot>, ListingError> {
    let mut snapshots = Vec::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, guid, born, created, used, referenced, clones] = fields.as_slice() else {
            return Err(ListingError::Missing {
                object: line.to_owned(),
                property: SNAPSHOTS,
            });
        };
        let Ok(name) = name.parse::<SnapshotName>() else {
            tracing::debug!(name, "not a snapshot of osctl");
            continue;
        };
        let clones = clones.split(',').filter_map(|clone| clone.parse().ok());
        snapshots.push(Snapshot {
            born: parse(&name, "createtxg", born)?,
            info: SnapshotInfo {
                guid: parse(&name, "guid", guid)?.to_string(),
                created: since_epoch(parse(&name, "creation", created)?),
                used: Some(ByteSize(parse(&name, "used", used)?)),
                referenced: Some(ByteSize(parse(&name, "referenced", referenced)?)),
                clones: clones.collect(),
                name,
            },
        });
    }
    snapshots.sort_by(|a, b| {
        by_path(&a.info.name.dataset(), &b.info.name.dataset()).then(a.born.cmp(&b.born))
    });
    Ok(snapshots)
}

fn parse(
    object: &dyn std::fmt::Display,
    property: &'static str,
    value: &str,
) -> Result<u64, ListingError> {
    value.parse().map_err(|_error| ListingError::Value {
        object: object.to_string(),
        property,
        value: value.to_owned(),
    })
}

fn required(
    object: &dyn std::fmt::Display,
    property: &'static str,
    value: Option<u64>,
) -> Result<u64, ListingError> {
    value.ok_or_else(|| ListingError::Missing {
        object: object.to_string(),
        property,
    })
}

fn since_epoch(seconds: u64) -> SystemTime {
    let since = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    since.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
