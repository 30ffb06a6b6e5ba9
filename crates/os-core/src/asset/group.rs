//! What a group expects: its directory, its file, the groups above it.

use os_api::view::AssetKind;
use os_types::{EntityRef, GroupName};

use super::{Expected, FileKind, Want};
use crate::facts::Facts;
use crate::layout;
use crate::state::{Entry, PoolState};

pub(super) fn expected(
    facts: &Facts,
    pool: &PoolState,
    name: &GroupName,
    entity: &EntityRef,
) -> Vec<Expected> {
    let on = pool.name();
    let folder = pool.folder().join(layout::group_folder(name));
    let next = format!("chown root:root {0} && chmod 0500 {0}", folder.display());
    let want = Want::file(FileKind::Directory, folder, Some(0o500));
    let mut all = vec![Expected::new(entity, "directory of the group", want).or(next)];
    let failure = pool.groups().get(name).and_then(Entry::failure);
    all.push(Expected::config(entity, pool.folder(), failure));
    let missing = name
        .parent()
        .filter(|parent| !pool.groups().contains_key(parent));
    if let Some(parent) = missing {
        let above = parent.entity(on);
        let path = pool
            .folder()
            .join(layout::config_path(&above).unwrap_or_default());
        let want = Want::Broken {
            kind: AssetKind::File,
            path: path.display().to_string(),
            reason: format!("there is no group {parent}"),
        };
        let next = format!("osctl group new --parents {on}:{parent}");
        all.push(Expected::new(entity, "the group above", want).or(next));
    }
    let cgroup = format!("{}/{}", facts.cgroup_parent, layout::cgroup(on, name));
    let description = "control group, made when it is first needed";
    all.push(Expected::new(entity, description, Want::Cgroup(cgroup)));
    all
}
