//! Freezing and thawing.

use std::time::Duration;

use os_types::{Code, ContainerRef, Failure};

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
        self.containers.apply(container, Event::Freeze)?;
        let done = self.set_frozen(container, true);
        let event = if done.is_ok() {
            Event::IsFrozen
        } else {
            Event::Thawed
        };
        self.containers.apply(container, event)?;
        done
    }

    /// Lets a frozen container run again.
    ///
    /// *Errors*: as [`Runtime::freeze`].
    pub fn thaw(&self, container: &ContainerRef) -> Result<(), Failure> {
        self.set_frozen(container, false)?;
        self.containers.apply(container, Event::Thawed)
    }

    fn set_frozen(&self, container: &ContainerRef, frozen: bool) -> Result<(), Failure> {
        let about = format!("container {container}");
        let Some(live) = self.container(container) else {
            let text = format!("{about} is stopped");
            return Err(Failure::new(Code::ContainerState, text).about(about));
        };
        let payload = spec::payload(&live.cgroup, &container.name)?;
        let done = self.cgroups.set_frozen(&payload, frozen, TIMEOUT);
        done.map_err(|error| Failure::from(error).about(about))
    }
}
