//! What the kernel has imported, and what it could import.

use std::path::{Path, PathBuf};
use std::time::Duration;

use os_cmd::{CommandError, Invocation, Runner};
use os_types::PoolName;

use super::errors::foreign_host;
use crate::pools::Takeover;
use crate::{PoolError, PoolPlace, PoolSource, StorageError};

/// Alternate root of a zpool that is imported only to be looked at. Nothing is mounted below it.
const INSPECTION: &str = "/osctl-inspection";

/// Reading the labels of many disks, one of which may be dying.
const IMPORT_DEADLINE: Duration = Duration::from_mins(5);

/// Options of `zpool import`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To look at it: nothing is written.
    Inspection,
    /// To use it.
    Use,
}

/// A zpool that the kernel has imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Imported {
    /// Nothing can be written.
    pub(super) readonly: bool,
    /// The root that all its mount points are below; `None` if it is `/`.
    altroot: Option<String>,
    /// `ONLINE`, `DEGRADED`, `SUSPENDED` and so on.
    health: String,
}

impl Imported {
    /// `None` if no zpool of this name is imported.
    pub(super) fn find(runner: &dyn Runner, pool: &PoolName) -> Result<Option<Self>, PoolError> {
        let properties = "readonly,altroot,health";
        let args = ["get", "-H", "-p", "-o", "property,value", properties];
        let command = Invocation::new("zpool").args(args).arg(pool.as_str());
        match runner.run(command) {
            Ok(output) => Ok(Some(Self::parse(&output.text()))),
            Err(error) if error.stderr().contains("no such pool") => Ok(None),
            Err(error) => Err(PoolError::tool("look at", pool, error)),
        }
    }

    fn parse(text: &str) -> Self {
        let value = |wanted: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once('\t'));
            let found = fields.find(|(property, _)| *property == wanted);
            found.map(|(_, value)| value.trim()).unwrap_or_default()
        };
        Self {
            readonly: value("readonly") == "on",
            altroot: Some(value("altroot"))
                .filter(|root| !matches!(*root, "" | "-"))
                .map(str::to_owned),
            health: value("health").to_owned(),
        }
    }

    /// Whether an inspection by osctl was interrupted.
    pub(super) fn is_inspection(&self) -> bool {
        self.readonly && self.altroot.as_deref() == Some(INSPECTION)
    }

    /// *Errors*: `Suspended`; what is worse than it should be is only told to the log.
    pub(super) fn check_health(&self, pool: &PoolName) -> Result<(), PoolError> {
        match self.health.as_str() {
            "ONLINE" => Ok(()),
            "SUSPENDED" => Err(PoolError::Contents {
                pool: pool.clone(),
                source: StorageError::Suspended {
                    object: pool.to_string(),
                },
            }),
            health => {
                tracing::warn!(%pool, health, "see: zpool status");
                Ok(())
            }
        }
    }
}

/// Whether the imported zpool is made of a source, and not another one with the same name.
pub(super) fn is_made_of(
    runner: &dyn Runner,
    pool: &PoolName,
    source: &PoolSource,
) -> Result<bool, PoolError> {
    let (PoolSource::Image(path) | PoolSource::BlockDevice(path)) = source else {
        return Ok(*source == PoolSource::Zpool);
    };
    let path = path.canonicalize().unwrap_or_else(|_gone| path.clone());
    let args = ["list", "-v", "-H", "-P", "-L", pool.as_str()];
    let listed = runner.run(Invocation::new("zpool").args(args));
    let listed = listed
        .map_err(|e| PoolError::tool("look at", pool, e))?
        .text();
    let mut vdevs = listed.lines().filter_map(|line| {
        let name = line.strip_prefix('\t')?.split('\t').next()?;
        Some(PathBuf::from(name))
    });
    Ok(vdevs.any(|vdev| vdev == path || is_partition(&vdev, &path)))
}

/// Whether ZFS made the partition when it was given the disk.
fn is_partition(vdev: &Path, disk: &Path) -> bool {
    partitions(disk).contains(&vdev.to_owned())
}

/// Where ZFS puts itself on a whole disk: `/dev/vdb1`, `/dev/nvme0n1p1`.
pub(super) fn partitions(disk: &Path) -> [PathBuf; 2] {
    ["1", "p1"].map(|suffix| {
        let mut name = disk.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// Imports a zpool without mounting anything.
///
/// *Errors*: `NotFound`, `NotPool`, `Foreign`.
pub(super) fn import(
    runner: &dyn Runner,
    pool: &PoolName,
    source: &PoolSource,
    purpose: Purpose,
    takeover: Takeover,
) -> Result<(), PoolError> {
    let mut command = Invocation::new("zpool")
        .args(["import", "-N", "-o", "cachefile=none"])
        .deadline(IMPORT_DEADLINE);
    if purpose == Purpose::Inspection {
        command = command.args(["-o", "readonly=on", "-o"]);
        command = command.arg(format!("altroot={INSPECTION}"));
    }
    if takeover == Takeover::Force {
        command = command.arg("-f");
    }
    for path in search(source) {
        command = command.arg("-d").arg(path);
    }
    match runner.run(command.arg(pool.as_str())) {
        Ok(_) => Ok(()),
        Err(error) => Err(refusal(pool, source, error)),
    }
}

/// Where to look for the labels; nowhere in particular for a zpool by its name.
fn search(source: &PoolSource) -> Vec<PathBuf> {
    match source {
        PoolSource::Image(path) => vec![path.clone()],
        PoolSource::BlockDevice(path) => {
            // Its other disks may be anywhere in the directory of devices.
            vec![
                path.parent()
                    .unwrap_or_else(|| Path::new("/dev"))
                    .to_owned(),
            ]
        }
        PoolSource::Directory(_) | PoolSource::Zpool => Vec::new(),
    }
}

fn refusal(pool: &PoolName, source: &PoolSource, error: CommandError) -> PoolError {
    let said = error.stderr();
    let path = source.path().to_owned();
    if let Some(host) = foreign_host(said) {
        let pool = pool.clone();
        return PoolError::Foreign { pool, host };
    }
    if said.contains("more than one matching pool") {
        let reason = format!("there are several zpools {pool}; export or rename all but one");
        return PoolError::NotPool { path, reason };
    }
    if said.contains("no such pool") || said.contains("no pools available") {
        return match source {
            PoolSource::Zpool => PoolError::NoZpool { pool: pool.clone() },
            _ => PoolError::NotPool {
                path,
                reason: format!("there is no zpool {pool} on it"),
            },
        };
    }
    PoolError::tool("import", pool, error)
}

/// Whether a zpool that is not imported could be.
pub(super) fn is_importable(runner: &dyn Runner, pool: &PoolName) -> Result<bool, PoolError> {
    let command = Invocation::new("zpool")
        .arg("import")
        .deadline(IMPORT_DEADLINE);
    match runner.run(command) {
        Ok(output) => Ok(is_offered(&output.text(), pool)),
        Err(error) if error.stderr().contains("no pools available") => Ok(false),
        Err(error) => Err(PoolError::tool("look for", pool, error)),
    }
}

/// Looks for `   pool: tank` in the list of what can be imported.
fn is_offered(text: &str, pool: &PoolName) -> bool {
    let mut names = text.lines().filter_map(|l| l.trim().strip_prefix("pool: "));
    names.any(|name| name == pool.as_str())
}

/// The zpool of a source, if it is imported.
pub(super) fn find(
    runner: &dyn Runner,
    place: &PoolPlace,
    source: &PoolSource,
) -> Result<Option<Imported>, PoolError> {
    match Imported::find(runner, &place.name)? {
        Some(found) if is_made_of(runner, &place.name, source)? => Ok(Some(found)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use os_cmd::FakeRunner;

    use super::*;

    #[test]
    fn an_inspection_is_told_from_an_import() {
        let found = Imported::parse("readonly\ton\naltroot\t/osctl-inspection\nhealth\tONLINE\n");
        assert!(found.is_inspection());
        let found = Imported::parse("readonly\toff\naltroot\t-\nhealth\tDEGRADED\n");
        assert!(!found.is_inspection() && !found.readonly);
        found.check_health(&"tank".parse().unwrap()).unwrap();
        let found = Imported::parse("readonly\toff\naltroot\t-\nhealth\tSUSPENDED\n");
        found.check_health(&"tank".parse().unwrap()).unwrap_err();
    }

    #[test]
    fn devices_of_a_pool_are_known() {
        let list = "tank\t9.50G\t158K\t9.50G\t-\t-\t0%\t0%\t1.00x\tONLINE\t-\n\
                    \t/dev/vdb1\t9.99G\t158K\t9.50G\t-\t-\t0%\t0.00%\t-\tONLINE\n";
        for (path, expected) in [("/dev/vdb", true), ("/dev/vdb1", true), ("/dev/vdc", false)] {
            let fake = FakeRunner::new().expect("zpool list", list);
            let source = PoolSource::BlockDevice(path.into());
            let found = is_made_of(&fake, &"tank".parse().unwrap(), &source).unwrap();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn what_can_be_imported_is_found_in_the_list() {
        let text = "   pool: tanker\n     id: 1\n  state: ONLINE\n\n   pool: tank\n     id: 2\n";
        assert!(is_offered(text, &"tank".parse().unwrap()));
        assert!(!is_offered(text, &"tan".parse().unwrap()));
    }
}
