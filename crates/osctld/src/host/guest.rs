//! The step that tells a guest what is new about itself.
//!
//! There is nothing to look at before: the files belong to the guest, and only processes inside may read
//! them. A repeated step writes nothing. A failure is reported as a warning and logged, because the
//! setting is in force nevertheless and is written at each start.

use std::borrow::Cow;

use os_core::document::ContainerDoc;
use os_core::state::{Loaded, PoolState};
use os_core::{State, layout};
use os_engine::{Outcome, StepContext};
use os_helper_api::{Dress, GuestReport, StoppedGuest};
use os_types::step::GuestStep;
use os_types::{
    Code, ContainerName, ContainerRef, ContainerState, Failure, GuestSettings, PoolName,
};

use super::{HostStep, LinuxHost};

impl HostStep for GuestStep {
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let container = ContainerRef::new(&self.pool, &self.container);
        let written = write(host, &container, &self.before, &self.after);
        tell(&container, &written, context);
        Ok(Outcome::Changed)
    }
}

/// Writes into a guest that was thawed what was set while it was frozen.
pub(super) fn write_pending(
    host: &LinuxHost,
    container: &ContainerRef,
    context: &StepContext<'_>,
) -> Result<(), Failure> {
    let live = host.runtime.container(container);
    let Some(has) = live.and_then(|live| live.started_with) else {
        return Ok(());
    };
    let state = host.state();
    let loaded = loaded(host, &state, &container.pool)?;
    let doc = &entry(&loaded, &container.name)?.doc;
    let (before, after) = (has.settings.guest(), doc.settings.guest());
    if before != after {
        let written = write(host, container, &before, &after);
        tell(container, &written, context);
    }
    Ok(())
}

fn tell(
    container: &ContainerRef,
    written: &Result<GuestReport, Failure>,
    context: &StepContext<'_>,
) {
    os_runtime::log_report(container, written);
    match written {
        Ok(report) => {
            let left = report.left.iter();
            left.for_each(|left| context.warn(&format!("{container}: {left}")));
        }
        Err(failure) => context.warn(&format!("{container}: not written inside: {failure}")),
    }
}

/// The pool; while a journal is settled its pool is not in memory yet.
fn loaded<'a>(
    host: &LinuxHost,
    state: &'a State,
    pool: &PoolName,
) -> Result<Cow<'a, PoolState>, Failure> {
    match state.pool(pool) {
        Some(loaded) => Ok(Cow::Borrowed(loaded)),
        None => host.load(pool).map(Cow::Owned),
    }
}

fn entry<'a>(
    loaded: &'a PoolState,
    name: &ContainerName,
) -> Result<&'a Loaded<ContainerDoc>, Failure> {
    let entry = loaded.containers().get(name).ok_or_else(gone)?;
    entry.usable().map_err(Clone::clone)
}

fn gone() -> Failure {
    Failure::new(Code::NotFound, "there is no such container")
}

/// Writes what differs between the two settings.
fn write(
    host: &LinuxHost,
    container: &ContainerRef,
    before: &GuestSettings,
    after: &GuestSettings,
) -> Result<GuestReport, Failure> {
    let name = &container.name;
    let state = host.state();
    let loaded = loaded(host, &state, &container.pool)?;
    let doc = &entry(&loaded, name)?.doc;
    let dress = changed(name, before, after, doc.distribution.clone());
    if dress.is_empty() {
        return Ok(GuestReport::default());
    }
    let live = host.runtime.container(container);
    match live.as_ref().map(|live| (live.state, &live.init)) {
        Some((ContainerState::Running, Some(init))) => {
            let running = (container, init);
            host.runtime
                .write_running_guest_config(running, dress, after)
        }
        // No process can enter a frozen guest, but what it finds in its files if it is killed and started
        // again is right. When it is thawed it is written again, within the guest.
        None | Some((ContainerState::Frozen, _)) => {
            let user = loaded.users().get(&doc.user).ok_or_else(gone)?;
            let user = &user.usable().map_err(Clone::clone)?.doc;
            let default = layout::container_dataset(loaded.dataset(), name)?;
            let dataset = doc.dataset.as_ref().unwrap_or(&default);
            let folder = layout::dataset_folder(&host.facts()?.root, dataset);
            let guest = StoppedGuest {
                root: folder.join(layout::PRIVATE),
                uid_map: user.uid_map.clone(),
                gid_map: user.gid_map().clone(),
            };
            host.runtime.write_guest_config(guest, dress)
        }
        Some((state, _)) => {
            let text = format!("it is {state}; the next start does it");
            Err(Failure::new(Code::ContainerState, text))
        }
    }
}

/// The settings to write. A name that is unset is the container's id again, if that can be a name;
/// for resolvers that are unset the guest gets its own file back.
fn changed(
    name: &ContainerName,
    before: &GuestSettings,
    after: &GuestSettings,
    distribution: os_types::Distribution,
) -> Dress {
    let mut dress = Dress {
        distribution,
        hostname: None,
        dns_resolvers: Vec::new(),
        restore_resolvers: false,
    };
    if before.hostname != after.hostname {
        let id = || name.uts_name().parse().ok();
        dress.hostname = after.hostname.clone().or_else(id);
    }
    if before.dns_resolvers != after.dns_resolvers {
        dress.dns_resolvers.clone_from(&after.dns_resolvers);
        dress.restore_resolvers = after.dns_resolvers.is_empty();
    }
    dress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        let settings = |hostname: Option<&str>, resolvers: &[&str]| GuestSettings {
            hostname: hostname.map(|name| name.parse().unwrap()),
            dns_resolvers: resolvers.iter().map(|it| it.parse().unwrap()).collect(),
        };
        let written = |before: &GuestSettings, after: &GuestSettings| {
            let dress = changed(
                &"web".parse().unwrap(),
                before,
                after,
                "debian".parse().unwrap(),
            );
            let name = dress.hostname.map(|name| name.to_string());
            (name, dress.dns_resolvers.len(), dress.restore_resolvers)
        };
        let (none, all) = (settings(None, &[]), settings(Some("a.b"), &["192.0.2.1"]));
        assert_eq!(written(&none, &all), (Some("a.b".to_owned()), 1, false));
        assert_eq!(written(&all, &all), (None, 0, false));
        assert_eq!(written(&all, &none), (Some("web".to_owned()), 0, true));
        let named = settings(Some("a.b"), &[]);
        assert_eq!(written(&named, &all), (None, 1, false));
    }
}
