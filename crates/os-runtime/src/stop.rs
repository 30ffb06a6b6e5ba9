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

use jiff::Timestamp;
use os_api::event::ExitKind;
use os_cgroup::{CgroupError, CgroupPath};
use os_store::atomic;
use os_sys::patience;
use os_types::{Code, ContainerRef, ContainerState, Failure, StopMethod, StopPolicy, chain};

use crate::containers::LiveContainer;
use crate::guest;
use crate::hook::{self, Hook, HookContext};
use crate::operation::{self, Operation};
use crate::process::{self, Process};
use crate::record::{self, AfterExit, PendingStop, Record};
use crate::runtime::Runtime;
use crate::shutdown_signal::{self, Halt};
use crate::spec::StopTarget;
use crate::state::Event;

/// How long after its start an init may still lack its signal handlers.
const INIT_SETUP: Duration = Duration::from_secs(5);

/// Deadline for killed processes to be gone, and their control groups with them.
const KILL_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for all scripts of a forced stop, which answers within 2 s. Those of pre-stop leave some of it to
/// those that clean up afterwards.
const FORCED_SCRIPTS: Duration = Duration::from_millis(1500);
const FORCED_PRE_STOP: Duration = Duration::from_millis(900);

/// How often a wait for killed processes looks whether the operation is cancelled.
const KILL_ROUND: Duration = Duration::from_millis(200);

/// A guest that asks for a reboot this soon after its start may be in a loop.
const QUICK_REBOOT: Duration = Duration::from_secs(30);

/// Longest pause before a reboot.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

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
        let is_forced = policy.method == StopMethod::Kill;
        let mut scripts = is_forced.then_some(FORCED_SCRIPTS);
        match &live {
            Some(live) if live.restart_at.is_some() => {
                // It waits for its reboot, which is not wanted any more.
                record::remove(&live.run)?;
                return self.containers.apply(container, Event::Cleared);
            }
            Some(live) if live.has_ended() => {
                let by_itself = policy.method == StopMethod::IfEnded;
                return self.put_away(target, by_itself, scripts, operation);
            }
            _ => {}
        }
        let before = live.as_ref().map(|live| live.state);
        let init = live.and_then(|live| live.init);
        match &target.spec {
            // A forced stop ignores pre-stop failures.
            Some(spec) if is_forced => {
                let began = Instant::now();
                let end = Some(began + FORCED_PRE_STOP);
                hook::run_and_log_until(spec, Hook::PreStop, end, operation);
                scripts = Some(FORCED_SCRIPTS.saturating_sub(began.elapsed()));
            }
            Some(spec) => hook::run(spec, Hook::PreStop, HookContext::Host, operation)?,
            None => {}
        }
        if before.is_some() {
            self.containers.apply(container, Event::Stop)?;
        }
        if let Some(init) = init.filter(|_| !is_forced) {
            let frozen = before == Some(ContainerState::Frozen);
            let shutdown = self.shut_down(target, &init, frozen, policy, operation);
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
        self.finish(target, scripts, operation)
    }

    /// Asks init to shut down; whether it has ended in time.
    fn shut_down(
        &self,
        target: &StopTarget,
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
            let container = &target.container;
            guest::log_report(container, &self.wall(container, init, message));
        }
        let Some(halt) = halt_signal(init, policy, operation)? else {
            operation.progress("its init handles no shutdown signal");
            return Ok(false);
        };
        let timeout = remaining_timeout(&target.run, policy, operation)?;
        operation.progress(&format!(
            "asking {} to shut down ({}), at most {} s",
            halt.init,
            halt.name,
            timeout.as_secs()
        ));
        let Some(signal) = os_sys::signal_of(halt.signal) else {
            return Ok(false);
        };
        if !init.pidfd().send_signal(signal)? {
            return Ok(true);
        }
        operation::wait_exit(init, Instant::now() + timeout, operation)
    }

    /// Removes what is left of a container whose init has ended. If that was `by_itself`, and not because
    /// of a stop, a reboot that its guest asked for waits for its time, and an ephemeral container is
    /// deleted later; both are on disk before anything is removed.
    fn put_away(
        &self,
        target: &StopTarget,
        by_itself: bool,
        scripts: Option<Duration>,
        operation: &dyn Operation,
    ) -> Result<(), Failure> {
        let container = &target.container;
        let Some(was) = self.recorded(container) else {
            return self.finish(target, scripts, operation);
        };
        self.wait_for_monitor(&was.cgroup, operation);
        let was_stopped = was.state == ContainerState::Stopping;
        let after = if by_itself && !was_stopped {
            after_exit(target, &was)
        } else {
            None
        };
        let Some(after) = after else {
            return self.finish(target, scripts, operation);
        };
        let pending = Self::pending(was);
        let record = Record {
            after_exit: Some(after),
            ..pending.record()
        };
        record::write(&target.run, &record)?;
        let exit = match after {
            AfterExit::Reboot => ExitKind::Reboot,
            AfterExit::Delete => ExitKind::Halt,
        };
        self.end(target, exit, scripts, operation)?;
        if after == AfterExit::Reboot {
            let pause = pending
                .restart_at
                .map(|at| at.duration_since(Instant::now()));
            self.containers.insert(container, Event::Begin, pending)?;
            let pause = pause.unwrap_or_default();
            self.exits().push_later(container.clone(), pause);
        }
        Ok(())
    }

    /// Whether a container has ended by itself and is ephemeral: it has to be deleted. The record says so
    /// until it is deleted or started.
    pub fn is_to_be_deleted(&self, target: &StopTarget) -> bool {
        let is_live = self.container(&target.container).is_some();
        let record = record::read(&target.run);
        !is_live && record.is_some_and(|record| record.after_exit == Some(AfterExit::Delete))
    }

    /// The container as it waits for its reboot. Pauses grow while it reboots soon after each start.
    fn pending(was: LiveContainer) -> LiveContainer {
        let age = was.started.map(|at| Timestamp::now().duration_since(at));
        let is_quick = age.is_some_and(|age| age.unsigned_abs() < QUICK_REBOOT);
        let quick_reboots = if is_quick {
            was.quick_reboots.saturating_add(1)
        } else {
            0
        };
        LiveContainer {
            state: ContainerState::Starting,
            init: None,
            monitor_pid: None,
            restart_at: Some(Instant::now() + reboot_pause(quick_reboots)),
            quick_reboots,
            ..was
        }
    }

    /// Kills what is left of a container, and removes its groups and its run record; `scripts` as for
    /// [`Runtime::end`].
    pub(crate) fn finish(
        &self,
        target: &StopTarget,
        scripts: Option<Duration>,
        operation: &dyn Operation,
    ) -> Result<(), Failure> {
        self.end(target, ExitKind::Halt, scripts, operation)?;
        record::remove(&target.run)
    }

    /// Kills what is left of a container and removes its groups; then it is stopped. Scripts that run for
    /// longer than `scripts` from then on, however long the kill took, are killed.
    fn end(
        &self,
        target: &StopTarget,
        exit: ExitKind,
        scripts: Option<Duration>,
        operation: &dyn Operation,
    ) -> Result<(), Failure> {
        let container = &target.container;
        let cgroup = self.cgroup_of(target);
        let failures = self.clear(container, &cgroup, operation);
        let left = self.cgroups.is_populated(&cgroup);
        if !left? {
            self.containers.end(container, exit)?;
            if let Some(spec) = &target.spec {
                let end = scripts.map(|scripts| Instant::now() + scripts);
                for hook in [Hook::OnStop, Hook::PostStop] {
                    hook::run_and_log_until(spec, hook, end, operation);
                }
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

    /// Kills what is in the container's control group, and removes the group. Returns all errors.
    pub(crate) fn clear(
        &self,
        container: &ContainerRef,
        cgroup: &CgroupPath,
        operation: &dyn Operation,
    ) -> Vec<Failure> {
        if let Ok(true) = self.cgroups.kill_and_remove(cgroup) {
            return Vec::new();
        }
        let deadline = Instant::now() + KILL_TIMEOUT;
        if let Err(failure) = self.kill(container, cgroup, deadline, operation) {
            return vec![failure];
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let removed = self.cgroups.remove(cgroup, left);
        removed.err().map(Failure::from).into_iter().collect()
    }

    fn kill(
        &self,
        container: &ContainerRef,
        cgroup: &CgroupPath,
        deadline: Instant,
        operation: &dyn Operation,
    ) -> Result<(), Failure> {
        let mut told = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.cgroups.kill(cgroup, left.min(KILL_ROUND)) {
                Ok(()) => return Ok(()),
                Err(error @ CgroupError::Unkillable { .. }) => error,
                Err(error) => return Err(Failure::from(error)),
            };
            if operation.is_cancelled() {
                return Err(operation::cancelled("waiting for killed processes"));
            }
            let pids = self.cgroups.procs(cgroup).unwrap_or_default();
            let blocked = process::blocked(pids);
            if !left.is_zero() {
                if let Some(blocked) = blocked.filter(|_| !told) {
                    operation.progress(&format!("the kernel still holds {blocked}"));
                    told = true;
                }
                continue;
            }
            let blocked = blocked.map_or_else(String::new, |text| format!(": {text}"));
            let text = format!("{}{blocked}", chain(&error));
            return Err(Failure::new(Code::Deadline, text)
                .about(format!("container {container}"))
                .next("osctl help E-DEADLINE"));
        }
    }

    /// Waits until LXC has removed its groups after init ended by itself; then nothing has to be killed.
    /// Whatever is left is killed by [`Runtime::finish`].
    fn wait_for_monitor(&self, cgroup: &CgroupPath, operation: &dyn Operation) {
        let began = Instant::now();
        let empty = patience::until(MONITOR_TIMEOUT, || {
            let populated = self.cgroups.is_populated(cgroup)?;
            Ok::<_, CgroupError>((!populated || operation.is_cancelled()).then_some(()))
        });
        match empty {
            Ok(Some(())) => {}
            Ok(None) => tracing::warn!(%cgroup, took = ?began.elapsed(), "a monitor does not end"),
            Err(error) => tracing::warn!(%cgroup, %error, "cannot see whether a monitor has ended"),
        }
    }
}

/// The action for a container that has stopped by itself; the run record takes precedence.
fn after_exit(target: &StopTarget, was: &LiveContainer) -> Option<AfterExit> {
    let known = record::read(&target.run).and_then(|record| record.after_exit);
    let reboot = || {
        let requested = take_reboot_request(&target.run).unwrap_or(false);
        (requested && !was.is_exec_only()).then_some(AfterExit::Reboot)
    };
    let delete = || {
        let ephemeral = target
            .spec
            .as_ref()
            .is_some_and(|spec| spec.settings.ephemeral == Some(true));
        (ephemeral && !was.is_exec_only()).then_some(AfterExit::Delete)
    };
    known.or_else(reboot).or_else(delete)
}

/// Removes the mark that the guest wants to be started again; whether it was there.
pub(crate) fn take_reboot_request(run: &Path) -> Result<bool, Failure> {
    match atomic::remove(&run.join("console/reboot")) {
        Ok(change) => Ok(change == os_store::Change::Removed),
        // Before the first start there is no such directory.
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The pause before a reboot: none after a run of some time and before the first quick ones, then 1 s,
/// doubled each time, up to a minute.
fn reboot_pause(quick_reboots: u32) -> Duration {
    match quick_reboots.checked_sub(3) {
        None => Duration::ZERO,
        Some(exponent) => Duration::from_secs(1 << exponent.min(6)).min(LONGEST_PAUSE),
    }
}

/// How long init may still take to shut down. A stop that a crash cut off goes on with what is left of its
/// timeout, which is a point in time in the run record.
fn remaining_timeout(
    run: &Path,
    policy: &StopPolicy,
    operation: &dyn Operation,
) -> Result<Duration, Failure> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now_ms = u64::try_from(now.tv_sec.saturating_mul(1000) + now.tv_nsec / 1_000_000);
    let now_ms = now_ms.unwrap_or(0);
    let pending = record::read(run).and_then(|record| record.stop);
    if let Some(pending) = pending.filter(|pending| pending.operation == operation.id()) {
        return Ok(Duration::from_millis(
            pending.until_ms.saturating_sub(now_ms),
        ));
    }
    record::update(run, |record| {
        record.stop = Some(PendingStop {
            operation: operation.id().to_owned(),
            until_ms: now_ms.saturating_add(u64::from(policy.timeout_ms)),
        });
    })?;
    Ok(policy.timeout())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_minute() {
        let pauses = [0, 1, 2, 3, 4, 5, 8, 9, 10, u32::MAX].map(reboot_pause);
        let seconds = pauses.map(|pause| pause.as_secs());
        assert_eq!(seconds, [0, 0, 0, 1, 2, 4, 32, 60, 60, 60]);
    }
}
