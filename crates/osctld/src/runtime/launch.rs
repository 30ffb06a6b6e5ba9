//! From a stopped container to a running init.
//!
//! ```text
//!   control groups ─ folders, configuration ─ pre-start scripts
//!     ─ os-helper start ─> LXC's monitor ─ start-host hook: init is there
//!         ─ on-start scripts ─ answer ─ init runs its program ─> running
//! ```
//!
//! Every wait is for a fact and has a deadline. What fails takes everything back.
//!
//! `ground.rs` has the groups and folders, `specification.rs` what LXC and the helper are told.

mod ground;
mod specification;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use os_lxc::{HookAnswer, HookName, LaunchFailure, Stage};
use os_sys::{PidFd, SpawnRequest, patience};
use os_types::{Code, ContainerState, Failure, StartPolicy, chain};
use rustix::fs::MemfdFlags;

use super::hooks::{Called, News};
use super::record::{self, Record};
use super::scripts::{self, Moment, Where};
use super::{Key, Place, Runtime, Slot, guest, place, process, seccomp};

/// From the start of the helper to init, scripts not counted.
const PATIENCE: Duration = Duration::from_mins(1);

/// The socket of hooks in the run folder.
pub(crate) const HOOK_SOCKET: &str = "hook.sock";

/// An empty folder in the run folder, over which each monitor mounts what only it sees.
pub(crate) const STAGE: &str = "stage";

/// Our seccomp policy in the run folder.
pub(crate) const SECCOMP_POLICY: &str = "seccomp.policy";

/// The init that only waits, in the run folder.
pub(crate) const IDLE: &str = "idle";

/// What a start needs of the daemon.
#[derive(Debug)]
pub(crate) struct Means<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) cgroups: &'a os_cgroup::Tree,
    /// The run folder.
    pub(crate) run: &'a Path,
    /// `os-helper`, as LXC's hooks need it.
    pub(crate) helper: &'a Path,
    /// `os-helper`, as it is executed.
    pub(crate) program: std::path::PathBuf,
    /// The folder of account files, if it is not `/etc`.
    pub(crate) etc: Option<&'a Path>,
    pub(crate) lxc_start: &'a Path,
    pub(crate) apparmor: bool,
    pub(crate) policy: StartPolicy,
}

/// Starts a stopped container; returns when its init runs its program.
///
/// `ended` is run when init has ended, whenever that is.
pub(crate) fn start(
    place: &Place,
    means: &Means<'_>,
    ended: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let key: Key = (place.pool.clone(), place.name.clone());
    means.runtime.enter(
        &key,
        Slot {
            state: ContainerState::Starting,
            init: None,
            kind: means.policy.init,
            monitor_pid: None,
            started: Some(Timestamp::now()),
            cgroup: place.cgroup.to_string(),
            seccomp: None,
        },
    );
    let (sender, news) = means.runtime.expected.expect(place.cgroup.as_str());
    let started = attempt(place, means, &news, sender);
    means.runtime.expected.forget(place.cgroup.as_str());
    match started {
        Ok((slot, init)) => {
            let pid = slot.init_pid();
            means.runtime.enter(&key, slot);
            means.runtime.watch.process(init, ended);
            if let Some(init) = pid {
                scripts::run_and_log(place, Moment::PostStart, Where::HostWith { init });
            }
            Ok(())
        }
        Err(failure) => {
            for left in super::ladder::clear(&key, &place.cgroup, &place.run, means) {
                tracing::error!(failure = %left, "something of a failed start is left");
            }
            means.runtime.leave(&key);
            Err(failure)
        }
    }
}

fn attempt(
    place: &Place,
    means: &Means<'_>,
    news: &Receiver<News>,
    sender: std::sync::mpsc::Sender<News>,
) -> Result<(Slot, Arc<PidFd>), Failure> {
    means.cgroups.expect_joins();
    ground::make_cgroups(place, means)?;
    ground::make_folders(place)?;
    let seccomp = seccomp::copy(place)?;
    let config = specification::config(place, means)?;
    specification::write_config(place, &config)?;
    scripts::run(place, Moment::PreStart, Where::Host)?;
    guest::dress_before_start(place, means);
    let monitor = spawn(place, means, config.stage.clone())?;
    let monitor_pid = monitor.pid();
    means.runtime.watch.child(monitor, move || {
        // Nobody may be waiting any more.
        drop(sender.send(News::MonitorEnded));
    });
    let deadline = Instant::now() + PATIENCE;
    let called = init_hook(place, means, news, deadline)?;
    let init = called.message.init_pid.unwrap_or(0);
    let in_place = process::cgroup_below(init, means.cgroups.parent().as_str());
    let is_ours = in_place.is_some_and(|path| path.starts_with(place.cgroup.as_str()));
    let pidfd = PidFd::open(init).ok().flatten().filter(|_| is_ours);
    let pidfd = pidfd.ok_or_else(|| give_up(place, "its init is gone"))?;
    let pidfd = Arc::new(pidfd);
    if let Err(failure) = scripts::run(place, Moment::OnStart, Where::HostWith { init }) {
        // The hook may be gone meanwhile; then there is nothing left to abort.
        drop(
            called
                .answer
                .send(HookAnswer::Abort(failure.message.clone())),
        );
        return Err(failure);
    }
    drop(called.answer.send(HookAnswer::Continue));
    wait_for_exec(place, init, news, deadline)?;
    let Some(stat) = process::stat(init) else {
        return Err(give_up(place, "its init ended at once"));
    };
    let slot = Slot {
        state: ContainerState::Running,
        init: Some(Arc::clone(&pidfd)),
        kind: means.policy.init,
        monitor_pid: Some(monitor_pid),
        started: Some(Timestamp::now()),
        cgroup: place.cgroup.to_string(),
        seccomp,
    };
    let record = Record {
        init_pid: init,
        init_start: stat.start_time,
        kind: slot.kind,
        monitor_pid,
        started: slot.started.unwrap_or_default(),
        cgroup: slot.cgroup.clone(),
    };
    record::write(&place.run, &record)?;
    Ok((slot, pidfd))
}

/// Starts the helper in the container's control groups; returns when it has become LXC.
fn spawn(place: &Place, means: &Means<'_>, stage: Stage) -> Result<os_sys::Child, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Code::Step, format!("cannot start the monitor: {error}"))
    };
    let text =
        serde_json::to_vec(&specification::specification(place, means, stage)?).unwrap_or_default();
    let memory = rustix::fs::memfd_create("launch", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(|errno| failed(errno.into()))?);
    memory.write_all(&text).map_err(failed)?;
    let (mut answers, status) = std::io::pipe().map_err(failed)?;
    let mut request = SpawnRequest::new(&means.program)
        .args(["start", "0"])
        .stdin(OwnedFd::from(memory))
        .stdout(OwnedFd::from(status));
    let groups = means.cgroups.join_fds(&place.delegated()?);
    for procs in groups.map_err(|error| Failure::new(Code::Step, chain(&error)))? {
        request = request.cgroup(procs);
    }
    let child = os_sys::spawn(request);
    let child = child.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    let mut answer = Vec::new();
    // The helper has no wait of its own: mounts, ids, exec.
    answers.read_to_end(&mut answer).map_err(failed)?;
    match LaunchFailure::read(&answer) {
        None => Ok(child),
        Some(failure) => {
            means.runtime.watch.child(child, || ());
            let code = match failure.errno {
                Some(28 | 122) => Code::NoSpace,
                _ => Code::Start,
            };
            let mut told = Failure::new(code, failure.message);
            told.object = failure.object;
            Err(told.next(format!("osctl ct log cat {}:{}", place.pool, place.name)))
        }
    }
}

/// Waits for the hook that says that init is there, and answers those before it.
fn init_hook(
    place: &Place,
    means: &Means<'_>,
    news: &Receiver<News>,
    deadline: Instant,
) -> Result<Called, Failure> {
    let mut deadline = deadline;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match news.recv_timeout(left) {
            Ok(News::Hook(called)) if called.message.hook == HookName::StartHost => {
                return Ok(called);
            }
            Ok(News::Hook(called)) => {
                let began = Instant::now();
                answer(place, means, &called)?;
                // Scripts have time limits of their own.
                deadline += began.elapsed();
            }
            Ok(News::MonitorEnded) | Err(RecvTimeoutError::Disconnected) => {
                let text = "LXC ended before its init was there";
                return Err(give_up(place, text));
            }
            Err(RecvTimeoutError::Timeout) => {
                let text = format!("LXC made no init within {} s", PATIENCE.as_secs());
                return Err(give_up(place, &text));
            }
        }
    }
}

/// Runs the scripts of a hook in the mount namespace that it is in.
fn answer(place: &Place, means: &Means<'_>, called: &Called) -> Result<(), Failure> {
    let moment = match called.message.hook {
        HookName::PreMount => Moment::PreMount,
        HookName::Mount => Moment::PostMount,
        HookName::StartHost | HookName::PostStop => {
            drop(called.answer.send(HookAnswer::Continue));
            return Ok(());
        }
    };
    let at = Where::Mounts {
        helper: means.helper,
        pid: called.pid,
        rootfs_mount: called.message.rootfs_mount.as_deref().unwrap_or_default(),
    };
    let ran = scripts::run(place, moment, at);
    let answer = match &ran {
        Ok(()) => HookAnswer::Continue,
        Err(failure) => HookAnswer::Abort(failure.message.clone()),
    };
    // The hook may be gone meanwhile; then the monitor ends too, and that is told.
    drop(called.answer.send(answer));
    ran
}

/// Waits until init is a program of its own.
fn wait_for_exec(
    place: &Place,
    init: u32,
    news: &Receiver<News>,
    deadline: Instant,
) -> Result<(), Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    let seen = patience::until(left, || {
        if matches!(news.try_recv(), Ok(News::MonitorEnded)) {
            return Err(give_up(place, "LXC ended before its init ran"));
        }
        match process::stat(init) {
            Some(stat) if stat.state != 'Z' => Ok(stat.has_execed.then_some(())),
            _ => Err(give_up(place, "its init ended at once")),
        }
    })?;
    seen.ok_or_else(|| give_up(place, "init did not run its program"))
}

/// The failure of a start, with what LXC says.
fn give_up(place: &Place, what: &str) -> Failure {
    let log = fs::read_to_string(&place.log).unwrap_or_default();
    let said = os_lxc::log::errors(&log);
    let said = said
        .first()
        .map_or_else(String::new, |first| format!(": {first}"));
    let name = format!("{}:{}", place.pool, place.name);
    Failure::new(
        Code::Start,
        format!("container {name} did not start: {what}{said}"),
    )
    .about(format!("container {name}"))
    .next(format!("osctl ct log cat {name}"))
}

/// Whether the group of the guest has processes.
pub(crate) fn is_alive(
    place_cgroup: &os_cgroup::CgroupPath,
    key: &Key,
    cgroups: &os_cgroup::Tree,
) -> Result<bool, Failure> {
    let payload = place::payload(place_cgroup, &key.1)?;
    let alive = cgroups.is_populated(&payload);
    alive.map_err(|error| Failure::new(Code::Step, chain(&error)))
}
