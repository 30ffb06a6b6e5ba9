//! What a container expects: its file, its root, and the folder of its scripts.

use os_types::{ContainerName, EntityRef};

use super::{Expected, FileKind, Want};
use crate::layout;
use crate::state::{Entry, PoolState};

pub(super) fn expected(
    pool: &PoolState,
    name: &ContainerName,
    entity: &EntityRef,
) -> Vec<Expected> {
    let on = pool.name();
    let entry = pool.containers().get(name);
    let failure = entry.and_then(Entry::failure);
    let mut all = vec![Expected::config(entity, pool.folder(), failure)];
    let Some(doc) = entry.and_then(Entry::doc) else {
        return all;
    };
    let default = layout::container_dataset(pool.dataset(), name).ok();
    if let Some(dataset) = doc.dataset.clone().or(default) {
        let del = format!("osctl ct del {on}:{name}");
        let want = Want::Dataset(dataset);
        all.push(Expected::new(entity, "dataset of its root", want).or(del));
    }
    let hooks = pool.folder().join(layout::hook_folder(name));
    let make = format!("mkdir -m 700 {}", hooks.display());
    let want = Want::File {
        kind: FileKind::Directory,
        path: hooks,
        uid: 0,
        gid: 0,
        mode: Some(0o700),
    };
    all.push(Expected::new(entity, "folder of its scripts", want).or(make));
    all
}
