//! What a container expects: its file, its root, the directory of its scripts, and that nothing of it is left
//! when it does not run.

use os_types::{ContainerName, ContainerState, EntityRef};

use super::{Expected, FileKind, Want};
use crate::document::ContainerDoc;
use crate::facts::Facts;
use crate::layout;
use crate::state::{Entry, PoolState};

pub(super) fn expected(
    facts: &Facts,
    pool: &PoolState,
    name: &ContainerName,
    entity: &EntityRef,
) -> Vec<Expected> {
    let on = pool.name();
    let entry = pool.containers().get(name);
    let failure = entry.and_then(Entry::failure);
    let mut all = vec![Expected::config(entity, pool.folder(), failure)];
    all.extend(entry.and_then(|entry| none_held(facts, pool, (name, entry), entity)));
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
    all.push(Expected::new(entity, "directory of its scripts", want).or(make));
    all
}

/// A container that does not run has no processes. What was killed may be held by the kernel, as long as
/// a disk or a file server does not answer; until then the container cannot be started.
fn none_held(
    facts: &Facts,
    pool: &PoolState,
    (name, entry): (&ContainerName, &Entry<ContainerDoc>),
    entity: &EntityRef,
) -> Option<Expected> {
    let on = pool.name();
    let state = facts.container_state(on, name);
    if !matches!(state, ContainerState::Stopped | ContainerState::Stopping) {
        return None;
    }
    let below = layout::container_cgroup(on, &entry.group()?, &entry.user()?, name);
    let want = Want::NoneHeld(format!("{}/{below}", facts.cgroup_parent));
    let again = format!("osctl ct stop --kill {on}:{name}");
    Some(Expected::new(entity, "no processes", want).or(again))
}
