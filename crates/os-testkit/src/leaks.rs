//! What a daemon of a root could leave behind on the host.

mod processes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os_cmd::{HostRunner, Invocation, Runner as _};
use os_sys::{MountTable, unmount};

/// Processes in `root` or in a control group of `parent`, mounts below `root` in any mount
/// namespace, loop devices of files below it, control groups of `parent`: one line each.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn find(root: &Path, parent: &str) -> anyhow::Result<Vec<String>> {
    let mut leaks: Vec<String> = Vec::new();
    leaks.extend(processes::of(root, parent)?.iter().map(ToString::to_string));
    leaks.extend(processes::foreign_mounts(root)?);
    leaks.extend(
        mounts(root)?
            .iter()
            .map(|path| format!("mount {}", path.display())),
    );
    for (device, file) in loops(root)? {
        leaks.push(format!(
            "loop device {} of {}",
            device.display(),
            file.display()
        ));
    }
    leaks.extend(
        cgroups(parent)
            .iter()
            .map(|path| format!("control group {}", path.display())),
    );
    Ok(leaks)
}

/// Takes down what [`find`] finds, as far as it goes.
///
/// # Errors
/// When something resists.
pub fn clean(root: &Path, parent: &str) -> anyhow::Result<()> {
    for process in processes::of(root, parent)? {
        process.kill()?;
    }
    let zpools = zpools(root)?;
    for mount in mounts(root)?.iter().rev() {
        unmount(mount)?;
    }
    for zpool in zpools {
        let export = Invocation::new("zpool").args(["export", "-f", &zpool]);
        HostRunner::new().run(export)?;
    }
    for (_, file) in loops(root)? {
        if let Some(device) = os_sys::LoopDevice::attached_to(&file)? {
            device.detach(Duration::from_secs(10))?;
        }
    }
    for cgroup in cgroups(parent) {
        remove_tree(&cgroup)?;
    }
    Ok(())
}

fn mounts(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let table = MountTable::read()?;
    Ok(table
        .below(root)
        .map(|entry| entry.mount_point.clone())
        .collect())
}

/// Names of the zpools that have something mounted below `root`.
fn zpools(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let table = MountTable::read()?;
    let zfs = table.below(root).filter(|entry| entry.fstype == "zfs");
    let sources = zfs.filter_map(|entry| entry.source.to_str());
    let names = sources.filter_map(|source| source.split('/').next());
    Ok(names.map(str::to_owned).collect())
}

fn loops(root: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block")? {
        let entry = entry?;
        let backing = fs::read_to_string(entry.path().join("loop/backing_file"));
        if let Ok(backing) = backing {
            let file = PathBuf::from(backing.trim_end().trim_end_matches(" (deleted)"));
            if file.starts_with(root) {
                found.push((Path::new("/dev").join(entry.file_name()), file));
            }
        }
    }
    Ok(found)
}

fn cgroups(parent: &str) -> Vec<PathBuf> {
    let Ok(hierarchies) = fs::read_dir("/sys/fs/cgroup") else {
        return Vec::new();
    };
    let tops = hierarchies.flatten().map(|entry| entry.path());
    let tops = tops.chain([PathBuf::from("/sys/fs/cgroup")]);
    tops.map(|top| top.join(parent))
        .filter(|path| path.is_dir())
        .collect()
}

fn remove_tree(cgroup: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(cgroup)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    Ok(fs::remove_dir(cgroup)?)
}
