//! From a running container to none of its processes: a ladder, whose rungs are told with their
//! deadlines before they are tried.
//!
//! ```text
//!   message ─> the signal this init understands ─> freeze and kill
//!               waits for init's end, up to the       waits for the group to be empty
//!               time that was given
//! ```
//!
//! Neither rung asks LXC: its monitor may be stopped, or dead. What is waited for is named.

use std::path::Path;
use std::time::{Duration, Instant};

use os_cgroup::{CgroupError, CgroupPath, Tree};
use os_store::atomic;
use os_sys::{PidFd, patience};
use os_types::{Code, ContainerState, Failure, StopMethod, StopPolicy, chain};

use super::launch::Means;
use super::scripts::{self, Moment, Where};
use super::{Key, Place, guest, place, process, record, signals};
use crate::host::fail;

/// Where a rung is told before it is tried.
pub(crate) type Progress<'a> = &'a dyn Fn(&str);

/// An init has installed its signal handlers so long after its start.
const YOUTH: Duration = Duration::from_secs(5);

/// Killed processes may take so long to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(30);

/// LXC's monitor may take so long to put away its groups when init has ended by itself.
const MONITOR_PATIENCE: Duration = Duration::from_secs(5);

/// A container that is to end, or has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a Key,
    /// The control group it runs in.
    pub(crate) cgroup: &'a CgroupPath,
    /// Missing if its configuration cannot be read any more: then it is killed all the same, and no
    /// script is run.
    pub(crate) place: Option<&'a Place>,
    /// Its folder in the run folder.
    pub(crate) run: &'a Path,
}

/// Stops a container; returns when none of its processes is left.
pub(crate) fn stop(
    subject: &Subject<'_>,
    policy: &StopPolicy,
    means: &Means<'_>,
    progress: Progress<'_>,
) -> Result<(), Failure> {
    let key = subject.key;
    let before = means.runtime.slot(key).map(|slot| slot.state);
    match subject.place {
        // Who kills has no time for a script that says no.
        Some(place) if policy.method == StopMethod::Kill => {
            scripts::run_and_log(place, Moment::PreStop, Where::Host);
        }
        Some(place) => scripts::run(place, Moment::PreStop, Where::Host)?,
        None => {}
    }
    let init = means.runtime.slot(key).and_then(|slot| slot.init_pid());
    let asked = match (policy.method, init) {
        (StopMethod::Kill, _) | (_, None) => Ok(false),
        (_, Some(init)) => {
            let frozen = before == Some(ContainerState::Frozen);
            means.runtime.turn(key, ContainerState::Stopping);
            if !frozen {
                warn_users(key, init, policy, means, progress);
            }
            ask(init, frozen, policy, progress)
        }
    };
    match asked {
        Ok(true) => {}
        Ok(false) if policy.method == StopMethod::ShutdownOrFail => {
            means
                .runtime
                .turn(key, before.unwrap_or(ContainerState::Running));
            let (pool, name) = key;
            let text = format!(
                "container {pool}:{name} did not shut down within {} s",
                policy.timeout().as_secs()
            );
            return Err(Failure::new(Code::Deadline, text)
                .about(format!("container {pool}:{name}"))
                .next(format!("osctl ct stop --kill {pool}:{name}")));
        }
        Ok(false) => {
            means.runtime.turn(key, ContainerState::Stopping);
            if policy.method != StopMethod::Kill {
                progress(&format!(
                    "killing all processes, at most {} s",
                    KILL_PATIENCE.as_secs()
                ));
            }
        }
        Err(failure) => return Err(failure),
    }
    finish(subject, means)
}

/// Tells logged-in users what they are to be told, if anything. It hinders no stop.
fn warn_users(
    (pool, name): &Key,
    init: u32,
    policy: &StopPolicy,
    means: &Means<'_>,
    progress: Progress<'_>,
) {
    let Some(message) = &policy.message else {
        return;
    };
    let seconds = guest::TELL_PATIENCE.as_secs();
    progress(&format!("telling logged-in users, at most {seconds} s"));
    let told = guest::tell(init, message, means);
    guest::log(&format!("{pool}:{name}"), &told);
}

/// Asks init to shut down; whether it has ended in time.
fn ask(
    init: u32,
    frozen: bool,
    policy: &StopPolicy,
    progress: Progress<'_>,
) -> Result<bool, Failure> {
    if frozen {
        progress("it is frozen and cannot be asked to shut down");
        return Ok(false);
    }
    let system = |error: os_sys::SysError| Failure::new(Code::Step, chain(&error));
    let Some(pidfd) = PidFd::open(init).map_err(system)? else {
        return Ok(true);
    };
    let Some(halt) = signal_for(init, policy, progress) else {
        progress("its init understands no signal that means shut down");
        return Ok(false);
    };
    let seconds = policy.timeout().as_secs();
    progress(&format!(
        "asking {} to shut down ({}), at most {seconds} s",
        halt.init, halt.name
    ));
    let Some(signal) = os_sys::signal_of(halt.signal) else {
        return Ok(false);
    };
    if !pidfd.send_signal(signal).map_err(system)? {
        return Ok(true);
    }
    pidfd.wait_exit(policy.timeout()).map_err(system)
}

/// The signal that this init understands. One that was started a moment ago gets time to learn them.
fn signal_for(init: u32, policy: &StopPolicy, progress: Progress<'_>) -> Option<signals::Halt> {
    let known = signals::of(init);
    if known.is_some() || process::age_seconds(init) >= YOUTH.as_secs() {
        return known;
    }
    let patience = YOUTH.min(policy.timeout());
    progress(&format!(
        "its init has just been started and knows no signals yet, waiting at most {} s",
        patience.as_secs()
    ));
    let learnt = patience::until(patience, || {
        Ok::<_, std::convert::Infallible>(signals::of(init))
    });
    learnt.ok().flatten()
}

/// Puts away everything of a container whose init has ended, or is to be killed.
pub(crate) fn finish(subject: &Subject<'_>, means: &Means<'_>) -> Result<(), Failure> {
    let Subject {
        key,
        cgroup,
        place,
        run,
    } = *subject;
    let failures = clear(key, cgroup, run, means);
    let left = means.cgroups.is_populated(cgroup);
    if !left.map_err(|error| Failure::new(Code::Step, chain(&error)))? {
        means.runtime.leave(key);
        if let Some(place) = place {
            scripts::run_and_log(place, Moment::OnStop, Where::Host);
            scripts::run_and_log(place, Moment::PostStop, Where::Host);
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

/// Kills what is in the container's control group and removes the group and the run record. No step
/// hinders the next; all that fail are told.
pub(super) fn clear(key: &Key, cgroup: &CgroupPath, run: &Path, means: &Means<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut note = |result: Result<(), Failure>| failures.extend(result.err());
    note(kill(key, cgroup, means.cgroups));
    let removed = means.cgroups.remove(cgroup, KILL_PATIENCE);
    note(
        removed
            .map(drop)
            .map_err(|error| Failure::new(Code::Step, chain(&error))),
    );
    note(record::remove(run));
    failures
}

fn kill(key: &Key, cgroup: &CgroupPath, cgroups: &Tree) -> Result<(), Failure> {
    match cgroups.kill(cgroup, KILL_PATIENCE) {
        Ok(()) => Ok(()),
        Err(error) => {
            let (pool, name) = key;
            let code = match error {
                CgroupError::Unkillable { .. } => Code::Deadline,
                _ => Code::Step,
            };
            let pids = cgroups.procs(cgroup).unwrap_or_default();
            let blocked =
                process::blocked(pids).map_or_else(String::new, |text| format!(": {text}"));
            let text = format!("{}{blocked}", chain(&error));
            Err(Failure::new(code, text)
                .about(format!("container {pool}:{name}"))
                .next("osctl help E-DEADLINE"))
        }
    }
}

/// Waits until LXC has put away its groups, after init has ended by itself; then nothing has to be
/// killed. Whatever is left is killed by [`finish`].
pub(crate) fn let_monitor_end(cgroup: &CgroupPath, cgroups: &Tree) {
    let began = Instant::now();
    let empty = patience::until(MONITOR_PATIENCE, || {
        cgroups
            .is_populated(cgroup)
            .map(|alive| (!alive).then_some(()))
    });
    match empty {
        Ok(Some(())) => {}
        Ok(None) => tracing::warn!(%cgroup, took = ?began.elapsed(), "a monitor does not end"),
        Err(error) => tracing::warn!(%cgroup, %error, "cannot see whether a monitor has ended"),
    }
}

/// Freezes or thaws a container. If it does not freeze in time it is thawed again: FUSE and the
/// freezer can wait for each other.
pub(crate) fn freeze(
    key: &Key,
    cgroup: &CgroupPath,
    frozen: bool,
    cgroups: &Tree,
) -> Result<(), Failure> {
    let payload = place::payload(cgroup, &key.1)?;
    let patience = Duration::from_secs(10);
    let done = cgroups.set_frozen(&payload, frozen, patience);
    done.map_err(|error| {
        let (pool, name) = key;
        Failure::new(Code::Deadline, chain(&error)).about(format!("container {pool}:{name}"))
    })
}

/// Removes the mark of a reboot; whether it was there.
pub(crate) fn wants_reboot(run: &Path) -> Result<bool, Failure> {
    let mark = run.join("console/reboot");
    // Before the first start there is no such folder.
    if !mark.exists() {
        return Ok(false);
    }
    let removed = atomic::remove(&mark);
    let removed = removed.map_err(|error| fail::file(&error))?;
    Ok(removed == os_store::Change::Removed)
}
