//! Names of datasets and snapshots, in ZFS words for every backend.

use crate::names::{NameError, PoolName, name};

name! {
    /// Name of a dataset, e.g. `tank`, `tank/ct/web1`; the first component is the pool.
    ///
    /// *Shape*: a [`PoolName`], then components `[A-Za-z0-9_.-]` led by `/`; a component is not `.`
    /// or `..` and does not begin with `-`; at most 200 bytes (`zfs(8)` allows 255 with the
    /// snapshot).
    DatasetName, "dataset name",
    r"^(?!mirror|raidz|draid|spare|log(/|$))[A-Za-z][A-Za-z0-9_.-]{0,25}(/(?!\.{1,2}(/|$))[A-Za-z0-9_.][A-Za-z0-9_.-]*)*$", check_dataset
}

fn check_component(part: &str) -> Result<(), &'static str> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    match part {
        "" => Err("has an empty component"),
        "." | ".." => Err("has a component that is . or .."),
        _ if part.starts_with('-') => Err("has a component that begins with '-'"),
        _ if part.bytes().all(allowed) => Ok(()),
        _ => Err("has a character that is not allowed"),
    }
}

fn check_dataset(text: &str) -> Result<(), &'static str> {
    if text.len() > 200 {
        return Err("is too long");
    }
    let (pool, rest) = text
        .split_once('/')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    pool.parse::<PoolName>().map_err(|error| error.reason)?;
    rest.map_or(Ok(()), |rest| rest.split('/').try_for_each(check_component))
}

impl DatasetName {
    /// The pool that holds it.
    pub fn pool(&self) -> PoolName {
        let first = self.as_str().split('/').next().unwrap_or_default();
        first
            .parse()
            .expect("a dataset name begins with a valid pool name")
    }

    /// The name below the pool, `""` for the pool's own dataset; `tank/ct/a` gives `ct/a`.
    pub fn relative(&self) -> &str {
        self.as_str().split_once('/').map_or("", |(_, rest)| rest)
    }

    /// The dataset above, `None` for the pool's own.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.as_str().rsplit_once('/')?;
        Some(
            parent
                .parse()
                .expect("the parent of a valid dataset name is valid"),
        )
    }

    /// The dataset `component` (or a relative path of several) below this one.
    ///
    /// # Errors
    /// When the component breaks the rule of dataset names.
    pub fn join(&self, component: &str) -> Result<Self, NameError> {
        format!("{self}/{component}").parse()
    }

    /// True if `self` lies somewhere below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self.as_str()
            .strip_prefix(other.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl From<&PoolName> for DatasetName {
    fn from(pool: &PoolName) -> Self {
        pool.as_str()
            .parse()
            .expect("a pool name is a dataset name")
    }
}

name! {
    /// Name of a snapshot, e.g. `tank/ct/web1@before-upgrade`.
    ///
    /// *Shape*: a [`DatasetName`], `@`, and 1 to 50 characters `[A-Za-z0-9_.-]` (not `.`, `..`).
    SnapshotName, "snapshot name",
    r"^[A-Za-z][A-Za-z0-9_./-]*@[A-Za-z0-9_.][A-Za-z0-9_.-]{0,49}$", check_snapshot
}

fn check_snapshot(text: &str) -> Result<(), &'static str> {
    let Some((dataset, short)) = text.split_once('@') else {
        return Err("must have the form dataset@snapshot");
    };
    check_dataset(dataset)?;
    if short.len() > 50 {
        return Err("is too long");
    }
    check_component(short)
}

impl SnapshotName {
    /// The snapshot `short` of `dataset`.
    ///
    /// # Errors
    /// When `short` breaks the rule of snapshot names.
    pub fn new(dataset: &DatasetName, short: &str) -> Result<Self, NameError> {
        format!("{dataset}@{short}").parse()
    }

    /// The dataset it was taken of.
    pub fn dataset(&self) -> DatasetName {
        let (dataset, _) = self.as_str().split_once('@').unwrap_or_default();
        dataset
            .parse()
            .expect("a snapshot name begins with a valid dataset name")
    }

    /// The part behind `@`.
    pub fn short(&self) -> &str {
        self.as_str().split_once('@').map_or("", |(_, short)| short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_dataset() {
        let dataset: DatasetName = "tank/ct/a".parse().unwrap();
        assert_eq!(dataset.pool().as_str(), "tank");
        assert_eq!(dataset.relative(), "ct/a");
        assert_eq!(dataset.parent().unwrap().as_str(), "tank/ct");
        assert!(dataset.is_below(&"tank".parse().unwrap()));
        assert!(!dataset.is_below(&"tank/c".parse().unwrap()));
        assert_eq!(dataset.join("b").unwrap().as_str(), "tank/ct/a/b");
        for bad in [
            "", "/", "tank/", "tank//a", "tank/..", "tank/-a", "tank/a b", "tank/a@b",
        ] {
            bad.parse::<DatasetName>().unwrap_err();
        }
    }

    #[test]
    fn parts_of_a_snapshot() {
        let snapshot: SnapshotName = "tank/ct/a@s1".parse().unwrap();
        assert_eq!(snapshot.dataset().as_str(), "tank/ct/a");
        assert_eq!(snapshot.short(), "s1");
        for bad in ["tank", "tank@", "tank@..", "@a", "tank@a/b", "tank@a@b"] {
            bad.parse::<SnapshotName>().unwrap_err();
        }
    }
}
