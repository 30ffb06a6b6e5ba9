//! Containers, with the figures of their control groups.

use std::collections::BTreeMap;

use os_api::endpoint::{ContainerPart, ContainersQuery, NamePart, Nothing};
use os_api::view::{Container, ContainerConfig, ContainerLog};
use os_core::layout;
use os_core::view::{self, Extent};
use os_runtime::LiveContainer;
use os_types::{Code, ContainerName, ContainerRef, Failure, PoolName};

use crate::app::App;

/// A log may be longer; this much of its end is shown.
const LOG_LIMIT: u64 = 1 << 20;

type Live = BTreeMap<ContainerRef, LiveContainer>;

fn running(live: &Live, pool: &PoolName, name: &ContainerName) -> view::Running {
    let live = live.get(&ContainerRef::new(pool, name));
    live.map_or_else(view::Running::default, |live| view::Running {
        init_pid: live.init_pid(),
        monitor_pid: live.monitor_pid,
        started: live.started,
        started_with: live.started_with.clone(),
    })
}

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
    let host = app.host();
    let live = host.runtime().containers();
    let mut containers = view::containers(
        &host.state(),
        &host.view_facts(),
        query.pool.as_ref(),
        |pool, name| running(&live, pool, name),
        extent,
    )?;
    for container in &mut containers {
        add_figures(app, &live, container);
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
    let live = host.runtime().containers();
    let (state, facts) = (host.state(), host.view_facts());
    let container = state.find(pool, name)?;
    let running = running(&live, container.pool.name(), name);
    let view = view::container(&state, &facts, container.pool, name, &running, Extent::Full);
    let mut view = view.ok_or_else(|| super::vanished(&container.entity))?;
    add_figures(app, &live, &mut view);
    Ok(view)
}

fn add_figures(app: &App, live: &Live, container: &mut Container) {
    let live = live.get(&ContainerRef::new(&container.pool, &container.name));
    container.figures = super::figures(app, live.map(|live| &live.cgroup));
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
