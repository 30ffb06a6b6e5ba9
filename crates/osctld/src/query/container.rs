//! Containers, with the figures of their control groups.

use std::collections::BTreeMap;

use os_api::endpoint::{ContainerPart, ContainersQuery, NamePart, Nothing};
use os_api::view::{Container, ContainerConfig, ContainerLog};
use os_core::layout;
use os_core::view::{self, Extent};
use os_runtime::LiveContainer;
use os_types::{Code, ContainerName, ContainerRef, ContainerState, Failure, PoolName};

use crate::app::App;
use crate::host::facts::running;

/// A log may be longer; this much of its end is shown.
const LOG_LIMIT: u64 = 1 << 20;

pub(crate) fn list(
    app: &App,
    _: &Nothing,
    query: &ContainersQuery,
) -> Result<Vec<Container>, Failure> {
    let extent = if query.brief {
        Extent::Brief
    } else {
        Extent::Full
    };
    let (host, pool) = (app.host(), query.pool.as_ref());
    let live = host.runtime().containers();
    let running = live
        .iter()
        .map(|(container, live)| (container.clone(), running(live)));
    let (state, facts, running) = (host.state(), host.view_facts(), running.collect());
    let mut containers = view::containers(&state, &facts, pool, &running, extent)?;
    let mut names = match extent {
        Extent::Brief => BTreeMap::new(),
        Extent::Full => host_names(live.iter()),
    };
    for container in &mut containers {
        if container.state != ContainerState::Stopped
            && let Some(live) = live.get(&ContainerRef::new(&container.pool, &container.name))
        {
            let key = ContainerRef::new(&container.pool, &container.name);
            container.hostname_readout = names.remove(&key);
            container.figures = super::figures(app, &live.cgroup, &live.files);
        }
    }
    Ok(containers)
}

pub(crate) fn get(app: &App, part: &ContainerPart, _: &Nothing) -> Result<Container, Failure> {
    view_of(app, Some(&part.pool), &part.name)
}

pub(crate) fn find(
    app: &App,
    part: &NamePart<ContainerName>,
    _: &Nothing,
) -> Result<Container, Failure> {
    view_of(app, None, &part.name)
}

/// The container on `pool`, or on the first pool that has one of this name.
fn view_of(app: &App, pool: Option<&PoolName>, name: &ContainerName) -> Result<Container, Failure> {
    let host = app.host();
    let (state, facts) = (host.state(), host.view_facts());
    let found = state.find(pool, name)?;
    let key = ContainerRef::new(found.pool.name(), name);
    let live = host.runtime().container(&key);
    let running = live.as_ref().map(running);
    let view = view::container(
        &state,
        &facts,
        found.pool,
        name,
        running.as_ref(),
        Extent::Full,
    );
    let mut view = view.ok_or_else(|| super::vanished(&found.entity))?;
    if let Some(live) = live {
        view.hostname_readout = host_names([(&key, &live)]).remove(&key);
        view.figures = super::figures(app, &live.cgroup, &live.files);
    }
    Ok(view)
}

/// The host names that running guests have now. A guest that has ended meanwhile has none.
fn host_names<'a>(
    live: impl IntoIterator<Item = (&'a ContainerRef, &'a LiveContainer)>,
) -> BTreeMap<ContainerRef, String> {
    let inits = live
        .into_iter()
        .filter_map(|(container, live)| Some((container.clone(), live.init.clone()?)));
    let inits: Vec<_> = inits.collect();
    // A thread that has taken the name of a guest is of no other use.
    let thread = std::thread::Builder::new().name("host names".to_owned());
    let reading = thread.spawn(move || {
        let name = |(container, init): (ContainerRef, os_runtime::Process)| {
            Some((container, os_sys::hostname_of(init.pidfd()).ok()?))
        };
        inits.into_iter().filter_map(name).collect()
    });
    let names = reading.ok().and_then(|reading| reading.join().ok());
    names.unwrap_or_default()
}

pub(crate) fn config(
    app: &App,
    part: &ContainerPart,
    _: &Nothing,
) -> Result<ContainerConfig, Failure> {
    let state = app.host().state();
    let found = state.find(Some(&part.pool), &part.name)?;
    let Some(text) = found.entry.text() else {
        return Err(found
            .entry
            .failure()
            .cloned()
            .unwrap_or_else(|| super::vanished(&found.entity)));
    };
    Ok(ContainerConfig {
        text: text.to_owned(),
    })
}

pub(crate) fn log(app: &App, part: &ContainerPart, _: &Nothing) -> Result<ContainerLog, Failure> {
    let state = app.host().state();
    let found = state.find(Some(&part.pool), &part.name)?;
    let path = found.pool.folder().join(layout::container_log(&part.name));
    let read = match os_store::read_end(&path, LOG_LIMIT) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((Vec::new(), false)),
        read => read,
    };
    let (bytes, cut) = read.map_err(|error| {
        let text = format!("cannot read {}: {error}", path.display());
        Failure::new(Code::File, text)
    })?;
    Ok(ContainerLog {
        path,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        cut,
    })
}
