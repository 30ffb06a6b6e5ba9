//! Which directories and files a pool has, and whose a file is.
//!
//! Everything of osctl is below the directory of the pool's *scoped dataset*: the pool's own directory,
//! or that of the dataset named at `pool install --dataset`. The relative part of every
//! [`PoolPath`] of a plan begins there, not at the pool's mountpoint.

use std::path::{Path, PathBuf};

use os_types::step::{DirectoryStep, FileStep};
use os_types::{
    ContainerName, DatasetName, EntityRef, GroupName, NameError, PoolName, PoolPath, SnapshotName,
    Step, UserName,
};
use os_types::{IdTable, Presence};
use sha2::{Digest as _, Sha256};

use crate::document::{self, GroupDoc, IdRangeDoc, PoolDoc};
use crate::state::PoolState;

/// A directory that every pool has, root's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder {
    /// Its path below the directory of the scoped dataset.
    pub path: &'static str,
    /// Its permissions.
    pub mode: u32,
    /// What is in it.
    pub description: &'static str,
}

const fn folder(path: &'static str, mode: u32, description: &'static str) -> Folder {
    Folder {
        path,
        mode,
        description,
    }
}

/// The directories of a pool, parents first.
///
/// All of them are closed to everybody but root. The monitor of a container, which is not root, gets the
/// container's root and log as mounts that were made from descriptors.
pub const FOLDERS: &[Folder] = &[
    folder("conf", 0o500, "configuration"),
    folder("conf/pool", 0o500, "configuration of the pool"),
    folder("conf/ct", 0o500, "configuration of containers"),
    folder("conf/group", 0o500, "configuration of groups"),
    folder("conf/user", 0o500, "configuration of users"),
    folder("conf/id-range", 0o500, "configuration of id ranges"),
    folder("conf/repository", 0o500, "configuration of repositories"),
    folder("conf/send-receive", 0o500, "keys for sending containers"),
    folder("ct", 0o500, "containers"),
    folder(
        "image",
        0o500,
        "roots of images, which containers are cloned from",
    ),
    folder("hook", 0o500, "scripts of the administrator"),
    folder("hook/pool", 0o500, "scripts for the pool"),
    folder("hook/ct", 0o500, "scripts for containers"),
    folder("hook/trash", 0o500, "scripts of deleted containers"),
    folder("log", 0o500, "logs"),
    folder("log/ct", 0o500, "logs of containers"),
    folder("repository", 0o500, "cached images"),
    folder("migration", 0o500, "kept by migrations of the pool"),
    folder("trash", 0o500, "what is being destroyed"),
    folder("journal", 0o700, "journal of operations"),
    folder("journal/open", 0o700, "operations in progress"),
    folder("journal/history", 0o700, "ended operations"),
];

/// The directories that are datasets of their own below the scoped one: they can be snapshotted, sent
/// and limited apart from each other, and containers are datasets below `ct`.
pub const DATASETS: &[&str] = &[
    "conf",
    "ct",
    "hook",
    "image",
    "log",
    "migration",
    "repository",
    "trash",
];

/// Permissions of configuration files.
pub const FILE_MODE: u32 = 0o400;

/// Permissions of the home of a system user, which is root's and the user's group.
pub const HOME_MODE: u32 = 0o751;

/// Permissions of the directories in the runtime directory that lead to homes.
pub const RUN_MODE: u32 = 0o711;

/// The largest configuration file; what is larger is damaged. A full table of the default id range
/// needs about half of it.
pub const FILE_LIMIT: u64 = 16 << 20;

/// The mark of the host that has the pool open, a [`document::HostMark`].
pub const HOST_MARK: &str = "conf/pool/host.toml";

/// Settings of the pool, a [`PoolDoc`].
pub const POOL_CONFIG: &str = "conf/pool/config.toml";

const GROUPS: &str = "conf/group";
const GROUP_CONFIG: &str = "config.toml";

/// The file of an entity below the scoped dataset's directory; the host has none.
pub fn config_path(entity: &EntityRef) -> Option<String> {
    match entity {
        EntityRef::Host | EntityRef::Image { .. } => None,
        EntityRef::Pool { .. } => Some(POOL_CONFIG.to_owned()),
        EntityRef::IdRange { name, .. } => Some(format!("conf/id-range/{name}.toml")),
        EntityRef::User { name, .. } => Some(format!("conf/user/{name}.toml")),
        EntityRef::Group { name, .. } => Some(format!("{}/{GROUP_CONFIG}", group_folder(name))),
        EntityRef::Container { name, .. } => Some(format!("conf/ct/{name}.toml")),
    }
}

/// The entity that the file `relative` describes; `None` if it is not a configuration file, as
/// [`HOST_MARK`].
pub fn entity_of(pool: &PoolName, relative: &str) -> Option<EntityRef> {
    let pool = pool.clone();
    if relative == POOL_CONFIG {
        return Some(EntityRef::Pool { pool });
    }
    let (kind, rest) = relative.strip_prefix("conf/")?.split_once('/')?;
    match kind {
        "id-range" => {
            let name = rest.strip_suffix(".toml")?.parse().ok()?;
            Some(EntityRef::IdRange { pool, name })
        }
        "ct" => {
            let name = rest.strip_suffix(".toml")?.parse().ok()?;
            Some(EntityRef::Container { pool, name })
        }
        "user" => {
            let name = rest.strip_suffix(".toml")?.parse().ok()?;
            Some(EntityRef::User { pool, name })
        }
        "group" if rest == GROUP_CONFIG => Some(EntityRef::Group {
            pool,
            name: GroupName::root(),
        }),
        "group" => {
            let path = rest.strip_suffix(GROUP_CONFIG)?.strip_suffix('/')?;
            let name: GroupName = format!("/{path}").parse().ok()?;
            (!name.is_root()).then_some(EntityRef::Group { pool, name })
        }
        _ => None,
    }
}

/// The directory of a group: `conf/group` for `/`, `conf/group/a/b` for `/a/b`.
pub fn group_folder(name: &GroupName) -> String {
    if name.is_root() {
        GROUPS.to_owned()
    } else {
        format!("{GROUPS}{name}")
    }
}

/// The step that moves an entity's file from one text to another.
///
/// # Errors
/// When the path is too long for a [`PoolPath`]: a group of many long names.
pub(crate) fn file_step(
    pool: &PoolName,
    entity: &EntityRef,
    before: Option<&str>,
    after: Option<String>,
) -> Result<Step, NameError> {
    Ok(Step::File(FileStep {
        path: PoolPath::new(pool, config_path(entity).unwrap_or_default())?,
        before: before.map(ToOwned::to_owned),
        after,
    }))
}

/// The step that makes or removes the directory of a group.
///
/// # Errors
/// As [`file_step`].
pub(crate) fn group_folder_step(
    pool: &PoolName,
    name: &GroupName,
    to: Presence,
) -> Result<Step, NameError> {
    Ok(Step::Directory(DirectoryStep {
        path: PoolPath::new(pool, group_folder(name))?,
        mode: 0o500,
        to,
    }))
}

/// The directory of a dataset on the host; that of the scoped dataset is where everything lies.
///
/// *Shape*: `<root>/<pool>/<rest of the dataset's name>`.
pub fn dataset_folder(root: &Path, dataset: &DatasetName) -> PathBuf {
    root.join(dataset.as_str())
}

/// The directory of a pool in the runtime directory.
pub fn run_folder(run_dir: &Path, pool: &PoolName) -> PathBuf {
    run_dir.join("pools").join(pool.as_str())
}

/// The file in the directory of a pool in the runtime directory that names its scoped dataset, for
/// programs that read the pool without the daemon and its storage.
pub const SCOPE_FILE: &str = "dataset";

/// The control group that all of osctl are below.
///
/// *Shape*: `osctl`; for another root than `/`, so that daemons live side by side, `osctl-` and eight
/// hex digits of the root's SHA-256.
pub fn cgroup_parent(root: &Path) -> String {
    if root == Path::new("/") {
        return "osctl".to_owned();
    }
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let mark = digest
        .iter()
        .take(4)
        .fold(0_u32, |mark, byte| mark << 8 | u32::from(*byte));
    format!("osctl-{mark:08x}")
}

/// The home of a user's system user.
pub fn home(run_dir: &Path, pool: &PoolName, user: &UserName) -> PathBuf {
    run_folder(run_dir, pool).join("users").join(user.as_str())
}

/// The control group of a group below our parent group: `pool.tank/group.a/group.b`.
pub fn cgroup(pool: &PoolName, group: &GroupName) -> String {
    let mut path = format!("pool.{pool}");
    for component in group.components() {
        path.push_str("/group.");
        path.push_str(component);
    }
    path
}

/// The control group of a container's user within a group.
pub fn user_cgroup(pool: &PoolName, group: &GroupName, user: &UserName) -> String {
    format!("{}/user.{user}", cgroup(pool, group))
}

/// The control group of a container below our parent group: limits are set here, by root.
pub fn container_cgroup(
    pool: &PoolName,
    group: &GroupName,
    user: &UserName,
    name: &ContainerName,
) -> String {
    format!("{}/ct.{name}", user_cgroup(pool, group, user))
}

/// LXC's path (`lxc-info -P`) of the containers of a user in a group.
pub fn lxc_path(home: &Path, group: &GroupName) -> PathBuf {
    let mut path = home.to_owned();
    for component in group.components() {
        path.push(format!("group.{component}"));
    }
    path.join("cts")
}

/// The directory of a container in the runtime directory: its run record and what it is started from.
pub fn container_run_folder(run_dir: &Path, pool: &PoolName, name: &ContainerName) -> PathBuf {
    run_folder(run_dir, pool)
        .join("containers")
        .join(name.as_str())
}

/// The snapshot of the dataset of an image that containers are cloned from.
pub fn image_snapshot(image: &DatasetName) -> Result<SnapshotName, NameError> {
    format!("{image}@{IMAGE_SNAPSHOT}").parse()
}

/// The dataset of a container, unless its file says another.
///
/// # Errors
/// When the pool's scoped dataset has so long a name that this one would be too long.
pub fn container_dataset(
    dataset: &DatasetName,
    name: &ContainerName,
) -> Result<DatasetName, NameError> {
    dataset.join("ct")?.join(name.as_str())
}

/// The dataset of an image in the cache.
///
/// # Errors
/// As [`container_dataset`].
pub fn image_dataset(
    dataset: &DatasetName,
    digest: &os_types::ImageDigest,
) -> Result<DatasetName, NameError> {
    dataset.join("image")?.join(digest.as_str())
}

/// Name of the snapshot of an image that containers are cloned from.
pub const IMAGE_SNAPSHOT: &str = "ready";

/// The directory in the dataset of a container or image that is the root: what is beside it, as
/// snapshots do, is out of the guest's reach.
pub const PRIVATE: &str = "private";

/// The log of a container below the scoped dataset's directory.
pub fn container_log(name: &ContainerName) -> String {
    format!("log/ct/{name}.log")
}

/// The directory of a container's scripts below the scoped dataset's directory.
pub fn hook_folder(name: &ContainerName) -> String {
    format!("hook/ct/{name}")
}

/// The directory of a deleted container's scripts below the scoped dataset's directory. `name` is that of
/// the container's dataset in the trash, which it is destroyed with.
pub fn trash_hook_folder(name: &str) -> String {
    format!("hook/trash/{name}")
}

/// The id range that every pool gets: from 1 000 000 to the last id, in blocks of 65 536.
pub fn default_id_range() -> IdRangeDoc {
    const START: u32 = 1_000_000;
    const SIZE: u32 = 65_536;
    let table = IdTable::new(START, SIZE, (u32::MAX - START) / SIZE);
    IdRangeDoc::new(table.expect("the default id range is within valid ids"))
}

/// The documents that every pool has and this one lacks, as steps.
///
/// The id range `default` is made only on a pool without any range: an administrator who replaced
/// it does not get it back at the next import.
pub fn missing_defaults(pool: &PoolState) -> Vec<Step> {
    let mut steps = Vec::new();
    let name = pool.name();
    let mut add = |entity: EntityRef, text: String| {
        steps.extend(file_step(name, &entity, None, Some(text)));
    };
    if pool.config().is_none() {
        let entity = EntityRef::Pool { pool: name.clone() };
        add(entity, document::text(&PoolDoc::default()));
    }
    if pool.id_ranges().is_empty() {
        let default: os_types::IdRangeName =
            "default".parse().expect("default is an id range name");
        let entity = default.entity(name);
        add(entity, document::text(&default_id_range()));
    }
    for group in ["/", "/default"] {
        let group: GroupName = group.parse().expect("/ and /default are group names");
        if pool.groups().contains_key(&group) {
            continue;
        }
        if !group.is_root() {
            steps.extend(group_folder_step(name, &group, Presence::Present));
        }
        let entity = group.entity(name);
        let text = document::text(&GroupDoc::default());
        steps.extend(file_step(name, &entity, None, Some(text)));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_back_to_their_entity() {
        let pool: PoolName = "tank".parse().unwrap();
        for path in [
            "conf/pool/config.toml",
            "conf/id-range/default.toml",
            "conf/user/alice.toml",
            "conf/group/config.toml",
            "conf/group/a/b-2/config.toml",
        ] {
            let entity = entity_of(&pool, path).unwrap();
            assert_eq!(config_path(&entity).as_deref(), Some(path));
        }
        for path in [
            "conf/pool/host.toml",
            "conf/user/.toml",
            "conf/user/a b.toml",
            "conf/user/a/b.toml",
            "conf/user/alice.toml~",
            "conf/group/a/other.toml",
            "conf/group//config.toml",
            "conf/groupconfig.toml",
            "log/user/a.toml",
            "",
        ] {
            assert_eq!(entity_of(&pool, path), None, "{path}");
        }
    }

    #[test]
    fn folders_come_after_their_parents() {
        for (index, folder) in FOLDERS.iter().enumerate() {
            if let Some((parent, _)) = folder.path.rsplit_once('/') {
                assert!(FOLDERS[..index].iter().any(|f| f.path == parent));
            }
            assert_eq!(folder.mode & 0o022, 0, "{}", folder.path);
        }
    }

    #[test]
    fn a_scoped_dataset_moves_everything() {
        let dataset = "tank/osctl/main".parse().unwrap();
        assert_eq!(
            dataset_folder(Path::new("/r"), &dataset),
            Path::new("/r/tank/osctl/main")
        );
    }

    #[test]
    fn a_new_pool_gets_its_defaults_once() {
        let mut pool = PoolState::new(&"tank".parse().unwrap(), "/tank");
        let steps = missing_defaults(&pool);
        let lines: Vec<_> = steps.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "create file tank:conf/pool/config.toml",
                "create file tank:conf/id-range/default.toml",
                "create file tank:conf/group/config.toml",
                "create directory tank:conf/group/default (mode 0500)",
                "create file tank:conf/group/default/config.toml",
            ]
        );
        for step in steps {
            if let Step::File(FileStep { path, after, .. }) = step {
                assert!(pool.apply_file(path.relative(), after.as_deref()).is_some());
            }
        }
        assert_eq!(missing_defaults(&pool), []);
        let table = &pool.id_ranges()[&"default".parse().unwrap()]
            .doc()
            .unwrap()
            .table;
        assert_eq!(table.block_count(), 65_520);
    }
}
