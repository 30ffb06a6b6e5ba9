//! Freezing and thawing.

use std::time::Duration;

use os_cgroup::CgroupError;
use os_types::{Code, ContainerRef, ContainerState, Failure, chain};

use crate::containers::LiveContainer;
use crate::runtime::Runtime;
use crate::spec;
use crate::state::Event;

/// Deadline for all processes to be frozen, or to run again.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Runtime {
    /// Freezes all processes of a running container. If they do not freeze in time they are thawed
    /// again: FUSE and the freezer can wait for each other.
    ///
    /// *Errors*: [`Code::ContainerState`] if it does not run; [`Code::Deadline`].
    pub fn freeze(&self, container: &ContainerRef) -> Result<(), Failure> {
        let live = self.observed(container)?;
        self.containers.apply(container, Event::Freeze)?;
        let payload = spec::payload(&live.cgroup, &container.name)?;
        let done = self.cgroups.freeze_all(&payload, TIMEOUT);
        let event = if done.is_ok() {
            Event::IsFrozen
        } else {
            Event::Thawed
        };
        self.containers.apply(container, event)?;
        done.map_err(|error| late(container, &error))
    }

    /// Lets a frozen container run again, also one that was frozen from outside.
    ///
    /// *Errors*: as [`Runtime::freeze`].
    pub fn thaw(&self, container: &ContainerRef) -> Result<(), Failure> {
        let live = self.observed(container)?;
        let payload = spec::payload(&live.cgroup, &container.name)?;
        let done = self.cgroups.thaw_all(&live.cgroup, &payload, TIMEOUT);
        done.map_err(|error| late(container, &error))?;
        self.containers.apply(container, Event::Thawed)
    }

    /// The container in the state that the kernel shows, which the table gets to know if somebody else
    /// has frozen or thawed it.
    fn observed(&self, container: &ContainerRef) -> Result<LiveContainer, Failure> {
        let about = format!("container {container}");
        let Some(live) = self.container(container) else {
            let text = format!("{about} is stopped");
            return Err(Failure::new(Code::ContainerState, text).about(about));
        };
        let recorded = self.recorded(container).map(|recorded| recorded.state);
        if recorded != Some(live.state)
            && matches!(live.state, ContainerState::Running | ContainerState::Frozen)
        {
            self.containers.apply(container, Event::Found(live.state))?;
        }
        Ok(live)
    }
}

fn late(container: &ContainerRef, error: &CgroupError) -> Failure {
    Failure::new(Code::Deadline, chain(error)).about(format!("container {container}"))
}
