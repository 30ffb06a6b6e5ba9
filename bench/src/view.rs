//! A view of the host that is this process's own: what is mounted here is mounted nowhere else, and
//! the account files have the user that runs LXC.
//!
//! newuidmap(1) and Incus always read `/etc/subuid`; the host's file is not changed.

use std::path::Path;

use anyhow::Context as _;
use os_testkit::{PrivateEtc, TestUser};
use os_types::{IdMap, IdMapEntry};
use tempfile::TempDir;

/// The user that runs LXC.
pub(crate) const USER: u32 = 64_100;
/// The first of the ids of its containers, and how many they are.
const IDS: (u32, u32) = (3_000_000_000, 65_536);
/// The ids that Incus gives to its containers: Debian's own line, elsewhere.
const ROOT_IDS: (u32, u32) = (2_000_000_000, 500_000_000);

/// Leaves the host's view for one with other account files; they vanish with the value.
///
/// # Errors
/// When a thread runs beside this one, or something cannot be mounted.
pub(crate) fn enter() -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("osctl-bench-").tempdir()?;
    os_sys::leave_mount_namespace()?;
    // The loop pools of others, which would be in use for as long as this runs.
    let is_loop = |source: &Path| source.to_string_lossy().starts_with("/dev/loop");
    os_sys::detach_mounts(folder.path(), |entry| !is_loop(&entry.source))?;
    let etc = PrivateEtc::new(folder.path().join("etc"))?;
    let user = |name, ugid, (first, count), home| TestUser {
        name,
        ugid,
        first,
        count,
        home,
    };
    etc.add(user("osctl-bench", USER, IDS, folder.path()))?;
    etc.add(user("root", 0, ROOT_IDS, Path::new("/root")))?;
    for name in ["passwd", "group", "subuid", "subgid"] {
        let (from, to) = (etc.folder().join(name), Path::new("/etc").join(name));
        // newuidmap runs as root by its mode, so the files need no more rights than the host's.
        os_sys::bind_mount(&from, &to).with_context(|| format!("cannot cover {}", to.display()))?;
    }
    Ok(folder)
}

/// The ids of LXC's containers.
pub(crate) fn map() -> anyhow::Result<IdMap> {
    let (first, count) = IDS;
    let entry = IdMapEntry::new(0, first, count).context("no id map")?;
    Ok(IdMap::try_from(vec![entry])?)
}
