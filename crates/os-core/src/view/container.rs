//! A container as the API shows it.

use std::path::PathBuf;

use os_api::part::{Part as _, PartEntry, Prlimits, differing};
use os_api::settings::{ContainerSettings, Effect};
use os_api::started_with::StartedWith;
use os_api::view::{Attrs, Container, Figures, Health};
use os_types::{ContainerName, ContainerState, DatasetName, IdMap, IdMapEntry};

use crate::document::part::values;
use crate::document::{ContainerDoc, UserDoc};
use crate::facts::{Running, ViewFacts};
use crate::layout;
use crate::state::{Entry, PartOf, PoolState, State};

/// How much of a container is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All but [`Container::DETAILS`].
    Brief,
    /// All.
    Full,
}

/// [`Container::DETAILS`].
#[derive(Debug, Default)]
struct Details {
    rootfs: Option<PathBuf>,
    lxc_path: Option<PathBuf>,
    lxc_dir: Option<PathBuf>,
    group_path: Option<String>,
    log_file: Option<PathBuf>,
    prlimits: Vec<PartEntry<Prlimits>>,
    uid_map: Vec<IdMapEntry>,
    gid_map: Vec<IdMapEntry>,
}

impl Details {
    fn of(
        facts: &ViewFacts,
        pool: &PoolState,
        name: &ContainerName,
        dataset: &DatasetName,
        doc: Option<&ContainerDoc>,
    ) -> Self {
        let on = pool.name();
        let user = doc.and_then(|doc| pool.users().get(&doc.user)?.doc());
        let lxc_path = doc.map(|doc| layout::lxc_path(&facts.home(on, &doc.user), &doc.group));
        let group_path = doc.map(|doc| {
            let below = layout::container_cgroup(on, &doc.group, &doc.user, name);
            format!("{}/{below}", facts.cgroup_parent)
        });
        Self {
            rootfs: Some(layout::dataset_folder(&facts.root, dataset).join(layout::PRIVATE)),
            lxc_dir: lxc_path.as_ref().map(|path| path.join(name.as_str())),
            lxc_path,
            group_path,
            log_file: Some(pool.folder().join(layout::container_log(name))),
            prlimits: doc.map_or_else(Vec::new, |doc| pool.effective(PartOf::Container(doc))),
            uid_map: entries(user.map(|user| &user.uid_map)),
            gid_map: entries(user.map(UserDoc::gid_map)),
        }
    }
}

/// The container `name` of a pool, without figures; `None` if there is none.
pub fn container(
    state: &State,
    facts: &ViewFacts,
    pool: &PoolState,
    name: &ContainerName,
    running: Option<&Running>,
    extent: Extent,
) -> Option<Container> {
    let entry = pool.containers().get(name)?;
    let doc = entry.doc();
    let failure = failure(state, pool, entry);
    let on = pool.name();
    let default = layout::container_dataset(pool.dataset(), name).ok();
    let dataset = entry.dataset().or(default)?;
    let mut details = match extent {
        Extent::Brief => Details::default(),
        Extent::Full => Details::of(facts, pool, name, &dataset, doc),
    };
    let started_with = running.and_then(|running| running.started_with.as_deref());
    let pending = match (doc, started_with) {
        (Some(doc), Some(started)) if extent == Extent::Full => {
            pending(&doc.settings, &mut details.prlimits, started)
        }
        _ => Vec::new(),
    };
    Some(Container {
        pool: on.clone(),
        name: name.clone(),
        state: running.map_or(ContainerState::Stopped, |running| running.state),
        init_pid: running.and_then(|running| running.init_pid),
        monitor_pid: running.and_then(|running| running.monitor_pid),
        started: running.and_then(|running| running.started),
        hostname_readout: None,
        user: entry.user(),
        group: entry.group(),
        rootfs: details.rootfs,
        dataset,
        lxc_path: details.lxc_path,
        lxc_dir: details.lxc_dir,
        group_path: details.group_path,
        log_file: details.log_file,
        distribution: doc.map(|doc| doc.distribution.clone()),
        version: doc.map(|doc| doc.version.clone()),
        arch: doc.map(|doc| doc.arch.clone()),
        vendor: doc.and_then(|doc| doc.vendor.clone()),
        variant: doc.and_then(|doc| doc.variant.clone()),
        image: doc.and_then(|doc| doc.image.clone()),
        settings: doc.map_or_else(ContainerSettings::default, |doc| doc.settings.effective()),
        prlimits: details.prlimits,
        pending,
        uid_map: details.uid_map,
        gid_map: details.gid_map,
        figures: Figures::default(),
        health: Health::of(failure),
        failure: failure.cloned(),
        attrs: doc.map_or_else(Attrs::new, |doc| doc.attrs.clone()),
    })
}

/// The names of what the container has only after its next start; marks the entries of parts.
fn pending(
    settings: &ContainerSettings,
    prlimits: &mut [PartEntry<Prlimits>],
    started: &StartedWith,
) -> Vec<String> {
    let settings = settings.pending(&started.settings).into_iter();
    let mut names: Vec<_> = settings.map(|it| it.info().field.to_owned()).collect();
    if Prlimits::EFFECT == Effect::NextStart {
        let keys = differing::<Prlimits>(&values(prlimits), &started.prlimits);
        for entry in prlimits {
            entry.pending = keys.contains(&entry.key);
        }
        names.extend(keys.iter().map(|key| format!("{}.{key}", Prlimits::TABLE)));
    }
    names
}

fn entries(map: Option<&IdMap>) -> Vec<IdMapEntry> {
    map.map_or_else(Vec::new, |map| map.entries().to_vec())
}

/// Why it cannot be used: its file, or its user's.
fn failure<'a>(
    state: &'a State,
    pool: &'a PoolState,
    entry: &'a Entry<ContainerDoc>,
) -> Option<&'a os_types::Failure> {
    let own = entry.failure();
    own.or_else(|| state.failure(pool.name(), &entry.doc()?.user))
}
