//! The steps about containers that run: start, stop, freeze. `os-runtime` does them.

use os_core::PoolState;
use os_engine::{StepCheck, StepContext};
use os_runtime::Operation;
use os_types::{
    ContainerName, ContainerRef, ContainerState, Failure, PoolName, Presence, StartPolicy,
    StopMethod, StopPolicy,
};

use super::Steps;

/// The operation of a step, as the runtime sees it.
struct StepOperation<'a>(&'a StepContext<'a>);

impl Operation for StepOperation<'_> {
    fn progress(&self, text: &str) {
        self.0.progress(text);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Steps {
    pub(super) fn look_run(
        &self,
        pool: &PoolName,
        name: &ContainerName,
        stop: &StopPolicy,
        to: Presence,
    ) -> Result<StepCheck, Failure> {
        let container = ContainerRef::new(pool, name);
        let Some(target) = self.stop_target(&container)? else {
            return Ok(match to {
                Presence::Absent => StepCheck::Done,
                Presence::Present => StepCheck::Conflict("its configuration is gone".to_owned()),
            });
        };
        let live = self.runtime().container(&container);
        let is_done = match to {
            Presence::Present => self.runtime().is_up(&container)?,
            Presence::Absent if stop.method == StopMethod::IfEnded => {
                live.is_none_or(|live| !live.has_ended())
            }
            Presence::Absent => self.runtime().is_gone(&target)?,
        };
        Ok(if is_done {
            StepCheck::Done
        } else {
            StepCheck::Ready
        })
    }

    /// Starts or stops a container.
    pub(super) fn run(
        &self,
        container: &ContainerRef,
        (start, stop): (StartPolicy, &StopPolicy),
        to: Presence,
        context: &StepContext<'_>,
    ) -> Result<(), Failure> {
        let operation = StepOperation(context);
        match to {
            Presence::Present => {
                let spec = self.container_spec(container)?;
                let _claimed = self.claim_start(&spec)?;
                self.runtime().start(&spec, start, &operation)
            }
            Presence::Absent => match self.stop_target(container)? {
                Some(target) => self.runtime().stop(&target, stop, &operation),
                None => Ok(()),
            },
        }
    }

    pub(super) fn look_freeze(
        &self,
        pool: &PoolName,
        name: &ContainerName,
        to: Presence,
    ) -> StepCheck {
        let live = self.runtime().container(&ContainerRef::new(pool, name));
        match (live.map(|live| live.state), to) {
            // A stopped container is not frozen, and it cannot be frozen either.
            (Some(ContainerState::Frozen), Presence::Present)
            | (Some(ContainerState::Running) | None, Presence::Absent) => StepCheck::Done,
            (None, Presence::Present) => StepCheck::Conflict("it does not run".to_owned()),
            _ => StepCheck::Ready,
        }
    }

    pub(super) fn freeze(
        &self,
        pool: &PoolName,
        name: &ContainerName,
        to: Presence,
    ) -> Result<(), Failure> {
        let container = ContainerRef::new(pool, name);
        match to {
            Presence::Present => self.runtime().freeze(&container),
            Presence::Absent => self.runtime().thaw(&container),
        }
    }

    /// Finds what runs on a pool that is being imported.
    pub(super) fn find_running(&self, pool: &PoolState) -> Result<(), Failure> {
        let targets = self.stop_targets(pool)?;
        targets
            .iter()
            .try_for_each(|target| self.runtime().recover(target))
    }
}
