//! Containers, with the figures of their control groups.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use os_api::endpoint::{ContainerPart, ContainersQuery, Nothing, WaitQuery};
use os_api::view::{Container, ContainerConfig, ContainerLog, Readiness, ReadyState};
use os_core::view::{self, Extent};
use os_types::{Code, ContainerName, ContainerState, Failure, PoolName};

use super::found;
use crate::app::App;
use crate::runtime::{Key, Slot, place, ready};

/// A log may be longer; this much of its end is shown.
const LOG_LIMIT: u64 = 1 << 20;

fn running(slots: &BTreeMap<Key, Slot>, pool: &PoolName, name: &ContainerName) -> view::Running {
    let slot = slots.get(&(pool.clone(), name.clone()));
    slot.map_or_else(view::Running::default, |slot| view::Running {
        init_pid: slot.init_pid(),
        monitor_pid: slot.monitor_pid,
        started: slot.started,
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
    let slots = host.runtime().slots();
    let mut containers = found(view::containers(
        &host.state(),
        &host.facts()?,
        query.pool.as_ref(),
        |pool, name| running(&slots, pool, name),
        extent,
    ))?;
    for container in &mut containers {
        add_figures(app, &slots, container);
    }
    Ok(containers)
}

pub(crate) fn get(app: &App, part: &ContainerPart, _: &Nothing) -> Result<Container, Failure> {
    let host = app.host();
    let slots = host.runtime().slots();
    let (state, facts) = (host.state(), host.facts()?);
    let container = found(state.find_container(Some(&part.pool), &part.name))?;
    let running = running(&slots, &part.pool, &part.name);
    let view = view::container(
        &state,
        &facts,
        container.pool,
        &part.name,
        &running,
        Extent::Full,
    );
    let mut view = view.ok_or_else(|| super::vanished(&container.entity))?;
    add_figures(app, &slots, &mut view);
    Ok(view)
}

/// Figures that cannot be read are left out: a listing is not to fail because a group just went.
fn add_figures(app: &App, slots: &BTreeMap<Key, Slot>, container: &mut Container) {
    let slot = slots.get(&(container.pool.clone(), container.name.clone()));
    let path = slot.and_then(|slot| place::parse(&slot.cgroup).ok());
    let Some(figures) = path.and_then(|path| app.host().cgroups().figures(&path).ok()) else {
        return;
    };
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    container.memory_bytes = figures.memory_bytes;
    container.cpu_us = figures.cpu.map(|cpu| micros(cpu.total));
    container.cpu_user_us = figures.cpu.and_then(|cpu| cpu.user).map(micros);
    container.cpu_system_us = figures.cpu.and_then(|cpu| cpu.system).map(micros);
    container.nproc = figures.tasks;
}

pub(crate) fn config(
    app: &App,
    part: &ContainerPart,
    _: &Nothing,
) -> Result<ContainerConfig, Failure> {
    let state = app.host().state();
    let found = found(state.find_container(Some(&part.pool), &part.name))?;
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
    let view = get(app, part, &Nothing {})?;
    let read = || -> std::io::Result<(Vec<u8>, bool)> {
        let mut file = match std::fs::File::open(&view.log_file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((Vec::new(), false));
            }
            other => other?,
        };
        let length = file.metadata()?.len();
        let cut = length > LOG_LIMIT;
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_LIMIT)))?;
        let mut bytes = Vec::new();
        file.take(LOG_LIMIT).read_to_end(&mut bytes)?;
        Ok((bytes, cut))
    };
    let (bytes, cut) = read().map_err(|error| {
        let text = format!("cannot read {}: {error}", view.log_file.display());
        Failure::new(Code::Step, text)
    })?;
    Ok(ContainerLog {
        path: view.log_file,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        cut,
    })
}

/// Whether the guest is up; with a wait, as soon as it is.
pub(crate) fn ready(
    app: &App,
    part: &ContainerPart,
    query: &WaitQuery,
) -> Result<Readiness, Failure> {
    let key: Key = (part.pool.clone(), part.name.clone());
    get(app, part, &Nothing {})?;
    let wait = Duration::from_millis(u64::from(query.wait_ms.unwrap_or(0)));
    let mut last = stopped();
    let seen = os_sys::patience::until(wait, || {
        let slot = app.host().runtime().slot(&key);
        let up =
            |slot: &Slot| matches!(slot.state, ContainerState::Running | ContainerState::Frozen);
        last = match slot.filter(up) {
            Some(slot) => ready::ask(app.host(), &slot),
            None => stopped(),
        };
        Ok::<_, Failure>((last.state == ReadyState::Ready).then_some(()))
    });
    seen.map(|_| last)
}

fn stopped() -> Readiness {
    Readiness {
        state: ReadyState::Stopped,
        by: "it does not run".to_owned(),
    }
}
