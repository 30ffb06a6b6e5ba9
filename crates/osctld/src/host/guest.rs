//! The step that tells a guest what is new about itself.
//!
//! There is nothing to look at before: the files are the guest's, and only who is inside may read
//! them. A repeated step writes nothing, and one that cannot be done is told and logged, for the
//! setting is in force all the same and is written at each start.

use std::borrow::Cow;

use os_core::layout;
use os_engine::{Outcome, StepContext};
use os_helper_api::{Dress, GuestReport, StoppedGuest};
use os_types::step::GuestStep;
use os_types::{Code, ContainerName, ContainerRef, ContainerState, Failure, GuestSettings};

use super::{HostStep, LinuxHost};

impl HostStep for GuestStep {
    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let written = write(self, host);
        os_runtime::log_report(&ContainerRef::new(&self.pool, &self.container), &written);
        match written {
            Ok(report) => report.left.iter().for_each(|left| context.progress(left)),
            Err(failure) => context.progress(&format!("not written inside: {failure}")),
        }
        Ok(Outcome::Changed)
    }
}

/// Writes what differs between the two settings.
fn write(step: &GuestStep, host: &LinuxHost) -> Result<GuestReport, Failure> {
    let (pool, name) = (&step.pool, &step.container);
    let state = host.state();
    // While a journal is settled its pool is not loaded yet.
    let loaded = match state.pool(pool) {
        Some(loaded) => Cow::Borrowed(loaded),
        None => Cow::Owned(host.load(pool)?),
    };
    let gone = || Failure::new(Code::NotFound, "there is no such container");
    let entry = loaded.containers().get(name).ok_or_else(gone)?;
    let doc = &entry.usable().map_err(Clone::clone)?.doc;
    let dress = changed(name, &step.before, &step.after, doc.distribution.clone());
    if dress.is_empty() {
        return Ok(GuestReport::default());
    }
    let container = ContainerRef::new(pool, name);
    let live = host.runtime.container(&container);
    match live.as_ref().map(|live| (live.state, &live.init)) {
        None => {
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
        Some((ContainerState::Running, Some(init))) => host
            .runtime
            .write_running_guest_config(&container, init, dress),
        Some((state, _)) => {
            let text = format!("it is {state}; the next start does it");
            Err(Failure::new(Code::ContainerState, text))
        }
    }
}

/// What is to be written. A name that is unset is the container's id again, if that can be a name;
/// whom to ask for names instead of resolvers that are unset nobody knows.
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
    };
    if before.hostname != after.hostname {
        let id = || name.uts_name().parse().ok();
        dress.hostname = after.hostname.clone().or_else(id);
    }
    if before.dns_resolvers != after.dns_resolvers {
        dress.dns_resolvers.clone_from(&after.dns_resolvers);
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
            (name, dress.dns_resolvers.len())
        };
        let (none, all) = (settings(None, &[]), settings(Some("a.b"), &["192.0.2.1"]));
        assert_eq!(written(&none, &all), (Some("a.b".to_owned()), 1));
        assert_eq!(written(&all, &all), (None, 0));
        assert_eq!(written(&all, &none), (Some("web".to_owned()), 0));
        let named = settings(Some("a.b"), &[]);
        assert_eq!(written(&named, &all), (None, 1));
    }
}
