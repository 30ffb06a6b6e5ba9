//! From a running container to none of its processes. Each attempt is shown with its deadline before
//! it is made.
//!
//! ```text
//!   message ─> the shutdown signal of this init ─> kill
//!               waits for init's end, up to the      waits for the group to be empty
//!               given timeout
//! ```
//!
//! LXC is not asked: its monitor may be stopped, or dead.

use std::path::Path;
use std::time::{Duration, Instant};

use os_cgroup::CgroupPath;
use os_store::atomic;
use os_sys::patience;
use os_types::{
    Code, ContainerRef, ContainerState, Explain as _, Failure, StopMethod, StopPolicy, chain,
};

use crate::containers::LiveContainer;
use crate::hook::{self, Hook, HookContext};
use crate::operation::{self, Operation};
use crate::process::{self, Process};
use crate::runtime::Runtime;
use crate::shutdown_signal::{self, Halt};
use crate::spec::StopTarget;
use crate::state::Event;
use crate::{guest, record};

/// How long after its start an init may still lack its signal handlers.
const INIT_SETUP: Duration = Duration::from_secs(5);

/// Deadline for killed processes to be gone, and their control groups with them.
const KILL_TIMEOUT: Duration = Duration::from_secs(30);

/// Deadline for LXC's monitor to end when init has ended by itself.
const MONITOR_TIMEOUT: Duration = Duration::from_secs(5);

impl Runtime {
    /// Stops a container; returns when none of its processes is left.
    ///
    /// *Errors*: [`Code::Deadline`] if init did not shut down in time and may not be killed, or if the
    /// kernel holds killed processes; [`Code::Hook`] of a pre-stop script; [`Code::Cancelled`]. The
    /// container is then again what it was before, or stopping if it was already killed.
    pub fn stop(
        &self,
        target: &StopTarget,
        policy: &StopPolicy,
        operation: &dyn Operation,
    ) -> Result<(), Failure> {
        let container = &target.container;
        let live = self.container(container);
        if live.as_ref().is_some_and(LiveContainer::has_ended) {
            return self.put_away(target);
        }
        let before = live.as_ref().map(|live| live.state);
        let init = live.and_then(|live| live.init);
        match &target.spec {
            // A forced stop ignores pre-stop failures.
            Some(spec) if policy.method == StopMethod::Kill => {
                hook::run_and_log(spec, Hook::PreStop, HookContext::Host);
            }
            Some(spec) => hook::run(spec, Hook::PreStop, HookContext::Host)?,
            None => {}
        }
        if before.is_some() {
            self.containers.apply(container, Event::Stop)?;
        }
        if let Some(init) = init.filter(|_| policy.method != StopMethod::Kill) {
            let frozen = before == Some(ContainerState::Frozen);
            let shutdown = self.shut_down(container, &init, frozen, policy, operation);
            let give_up = match shutdown {
                Ok(true) => None,
                Ok(false) if policy.method == StopMethod::ShutdownOrFail => {
                    Some(not_in_time(container, policy))
                }
                Ok(false) => {
                    let seconds = KILL_TIMEOUT.as_secs();
                    operation.progress(&format!("killing all processes, at most {seconds} s"));
                    None
                }
                Err(failure) => Some(failure),
            };
            if let Some(failure) = give_up {
                let again = before.filter(|_| frozen).unwrap_or(ContainerState::Running);
                self.containers
                    .apply(container, Event::StopGivenUp(again))?;
                return Err(failure);
            }
        }
        self.finish(target)
    }

    /// Asks init to shut down; whether it has ended in time.
    fn shut_down(
        &self,
        container: &ContainerRef,
        init: &Process,
        frozen: bool,
        policy: &StopPolicy,
        operation: &dyn Operation,
    ) -> Result<bool, Failure> {
        if frozen {
            operation.progress("it is frozen and cannot be asked to shut down");
            return Ok(false);
        }
        if let Some(message) = &policy.message {
            let seconds = guest::WALL_TIMEOUT.as_secs();
            operation.progress(&format!("telling logged-in users, at most {seconds} s"));
            guest::log_report(container, &self.wall(init, message));
        }
        let Some(halt) = halt_signal(init, policy, operation)? else {
            operation.progress("its init handles no shutdown signal");
            return Ok(false);
        };
        let seconds = policy.timeout().as_secs();
        operation.progress(&format!(
            "asking {} to shut down ({}), at most {seconds} s",
            halt.init, halt.name
        ));
        let Some(signal) = os_sys::signal_of(halt.signal) else {
            return Ok(false);
        };
        if !init.pidfd().send_signal(signal)? {
            return Ok(true);
        }
        operation::wait_exit(init, Instant::now() + policy.timeout(), operation)
    }

    /// Removes what is left of a container whose init has ended by itself.
    pub(crate) fn put_away(&self, target: &StopTarget) -> Result<(), Failure> {
        if self.container(&target.container).is_some() {
            self.wait_for_monitor(&self.cgroup_of(target));
        }
        self.finish(target)
    }

    /// Kills what is left of a container and removes its groups and its run record.
    pub(crate) fn finish(&self, target: &StopTarget) -> Result<(), Failure> {
        let container = &target.container;
        let cgroup = self.cgroup_of(target);
        let failures = self.clear(container, &cgroup, &target.run);
        let left = self.cgroups.is_populated(&cgroup);
        if !left? {
            self.containers.apply(container, Event::Cleared)?;
            if let Some(spec) = &target.spec {
                hook::run_and_log(spec, Hook::OnStop, HookContext::Host);
                hook::run_and_log(spec, Hook::PostStop, HookContext::Host);
            }
        }
        let mut failures = failures.into_iter();
        let Some(mut first) = failures.next() else {
            return Ok(());
        };
        for other in failures {
            first.message.push_str("; ");
            first.message.push_str(&other.message);
        }
        Err(first)
    }

    /// Kills what is in the container's control group, and removes the group and the run record. Runs
    /// every step; returns all errors.
    pub(crate) fn clear(
        &self,
        container: &ContainerRef,
        cgroup: &CgroupPath,
        run: &Path,
    ) -> Vec<Failure> {
        let deadline = Instant::now() + KILL_TIMEOUT;
        let mut failures = Vec::new();
        let mut note = |result: Result<(), Failure>| failures.extend(result.err());
        note(self.kill(container, cgroup));
        let left = deadline.saturating_duration_since(Instant::now());
        let removed = self.cgroups.remove(cgroup, left);
        note(removed.map(drop).map_err(Failure::from));
        note(record::remove(run));
        failures
    }

    fn kill(&self, container: &ContainerRef, cgroup: &CgroupPath) -> Result<(), Failure> {
        let Err(error) = self.cgroups.kill(cgroup, KILL_TIMEOUT) else {
            return Ok(());
        };
        let pids = self.cgroups.procs(cgroup).unwrap_or_default();
        let blocked = process::blocked(pids).map_or_else(String::new, |text| format!(": {text}"));
        let text = format!("{}{blocked}", chain(&error));
        Err(Failure::new(error.code(), text)
            .about(format!("container {container}"))
            .next("osctl help E-DEADLINE"))
    }

    /// Waits until LXC has removed its groups after init ended by itself; then nothing has to be killed.
    /// Whatever is left is killed by [`Runtime::finish`].
    fn wait_for_monitor(&self, cgroup: &CgroupPath) {
        let began = Instant::now();
        let empty = patience::until(MONITOR_TIMEOUT, || {
            let populated = self.cgroups.is_populated(cgroup);
            populated.map(|populated| (!populated).then_some(()))
        });
        match empty {
            Ok(Some(())) => {}
            Ok(None) => tracing::warn!(%cgroup, took = ?began.elapsed(), "a monitor does not end"),
            Err(error) => tracing::warn!(%cgroup, %error, "cannot see whether a monitor has ended"),
        }
    }

    /// Removes the mark that the guest wants to be started again; whether it was there.
    pub fn take_reboot_request(&self, run: &Path) -> Result<bool, Failure> {
        match atomic::remove(&run.join("console/reboot")) {
            Ok(change) => Ok(change == os_store::Change::Removed),
            // Before the first start there is no such directory.
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The shutdown signal of this init. An init that was started a moment ago gets time to install its
/// handlers.
fn halt_signal(
    init: &Process,
    policy: &StopPolicy,
    operation: &dyn Operation,
) -> Result<Option<Halt>, Failure> {
    let known = shutdown_signal::of(init.pid());
    if known.is_some() || process::age_seconds(init.pid()) >= INIT_SETUP.as_secs() {
        return Ok(known);
    }
    let timeout = INIT_SETUP.min(policy.timeout());
    operation.progress(&format!(
        "its init was just started and handles no signals yet, waiting at most {} s",
        timeout.as_secs()
    ));
    patience::until(timeout, || {
        if operation.is_cancelled() {
            return Err(operation::cancelled("waiting for init to handle signals"));
        }
        Ok(shutdown_signal::of(init.pid()))
    })
}

fn not_in_time(container: &ContainerRef, policy: &StopPolicy) -> Failure {
    let seconds = policy.timeout().as_secs();
    let text = format!("container {container} did not shut down within {seconds} s");
    Failure::new(Code::Deadline, text)
        .about(format!("container {container}"))
        .next(format!("osctl ct stop --kill {container}"))
}
