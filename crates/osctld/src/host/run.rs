//! Containers that run: `os-runtime` starts and stops them.

use std::os::fd::OwnedFd;

use os_engine::{Outcome, StepCheck, StepContext};
use os_runtime::Operation;
use os_types::step::RunStep;
use os_types::{ContainerRef, Failure, Presence, StopMethod};

use super::{HostStep, LinuxHost};

/// The operation of a step, as the runtime sees it.
struct StepOperation<'a>(&'a StepContext<'a>);

impl Operation for StepOperation<'_> {
    fn progress(&self, text: &str) {
        self.0.progress(text);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn hang_up(&self) -> Option<OwnedFd> {
        // Without a descriptor the waits look at `is_cancelled` now and then.
        self.0.cancellation().wake_up().ok().map(OwnedFd::from)
    }

    fn id(&self) -> &str {
        self.0.operation().as_str()
    }
}

impl HostStep for RunStep {
    fn check(&self, host: &LinuxHost) -> Result<StepCheck, Failure> {
        let container = ContainerRef::new(&self.pool, &self.container);
        let Some(target) = host.stop_target(&container)? else {
            return Ok(match self.to {
                Presence::Absent => StepCheck::Done,
                Presence::Present => StepCheck::Conflict("its configuration is gone".to_owned()),
            });
        };
        let live = host.runtime().container(&container);
        Ok(StepCheck::done_if(match self.to {
            Presence::Present => host.runtime().is_up(&container)?,
            Presence::Absent if self.stop.method == StopMethod::IfEnded => {
                live.is_none_or(|live| !live.has_ended())
            }
            Presence::Absent => host.runtime().is_gone(&target)?,
        }))
    }

    fn apply(&self, host: &LinuxHost, context: &StepContext<'_>) -> Result<Outcome, Failure> {
        let container = ContainerRef::new(&self.pool, &self.container);
        let operation = StepOperation(context);
        match self.to {
            Presence::Present => {
                let spec = host.container_spec(&container)?;
                let _claimed = host.claim_start(&spec)?;
                host.runtime().start(&spec, self.start, &operation)?;
            }
            Presence::Absent => {
                if let Some(target) = host.stop_target(&container)? {
                    host.runtime().stop(&target, &self.stop, &operation)?;
                }
            }
        }
        Ok(Outcome::Changed)
    }
}
