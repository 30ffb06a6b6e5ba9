//! From a stopped container to a running init.
//!
//! ```text
//!   control groups ─ directories, configuration ─ pre-start scripts
//!     ─ os-helper ─> LXC's monitor ─ [start-host hook: init exists ─ on-start scripts ─ answer]
//!         ─ init executes its program ─> running
//! ```
//!
//! Every wait is for a fact and has a deadline. A start that fails removes all that it made.

mod lxc_config;
mod prepare;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use os_cmd::os_helper::HelperError;
use os_helper_api::Job;
use os_lxc::{ContainerConfig, HookAnswer, HookName, Stage};
use os_types::{Code, ContainerState, Failure, StartPolicy};

use crate::containers::LiveContainer;
use crate::hook::{self, Hook, HookContext};
use crate::hook_socket::{Expectation, HookCall, StartEvent};
use crate::log_watch::LogWatch;
use crate::operation::{self, Operation, Unattended};
use crate::process::{self, Process};
use crate::programs::Programs;
use crate::record;
use crate::runtime::Runtime;
use crate::seccomp;
use crate::spec::{self, ContainerSpec, StopTarget};
use crate::state::Event;
use crate::stop;

/// Deadline from the start of the helper to a running init, without the time of hook scripts.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Shortest and longest pause between two checks whether init runs and the operation is cancelled.
const FIRST_POLL: Duration = Duration::from_micros(300);
const CANCEL_POLL: Duration = Duration::from_millis(25);

impl Runtime {
    /// Starts a stopped container; returns when its init runs its program. What an earlier run or a
    /// crash left of it is removed first.
    ///
    /// *Errors*: [`Code::Start`] with the words of LXC, [`Code::Hook`], [`Code::Cancelled`]; the
    /// container is stopped then. [`Code::Deadline`] if processes of an earlier run cannot be killed.
    pub fn start(
        &self,
        spec: &ContainerSpec,
        policy: StartPolicy,
        operation: &dyn Operation,
    ) -> Result<(), Failure> {
        let container = &spec.container;
        let quick_reboots = self.remove_remains(spec, operation)?;
        if let Err(failure) = stop::take_reboot_request(&spec.paths.run) {
            // The tenant's user owns the directory of the mark, and may have made anything there.
            tracing::warn!(%container, %failure, "an old request to reboot is left");
        }
        let starting = LiveContainer {
            state: ContainerState::Starting,
            init: None,
            init_kind: policy.init,
            monitor_pid: None,
            started: Some(Timestamp::now()),
            restart_at: None,
            quick_reboots,
            run: spec.paths.run.clone(),
            cgroup: spec.cgroup.clone(),
            seccomp: None,
            started_with: None,
            files: Arc::default(),
        };
        self.containers
            .insert(container, Event::Begin, starting.clone())?;
        let (sender, events) = channel();
        let started = Start {
            runtime: self,
            spec,
            policy,
            operation,
            events: &events,
        }
        .run(starting, &sender);
        match started {
            Ok((live, init)) => {
                self.containers.insert(container, Event::InitRuns, live)?;
                self.watch(container, &init);
                let init = init.pid();
                let context = HookContext::HostWith { init };
                hook::run_and_log(spec, Hook::PostStart, context, operation);
                Ok(())
            }
            Err(failure) => {
                for left in self.clear(container, &spec.cgroup, &Unattended) {
                    tracing::error!(failure = %left, "something of a failed start is left");
                }
                record::remove(&spec.paths.run)?;
                self.containers.apply(container, Event::StartFailed)?;
                Err(failure)
            }
        }
    }

    /// Removes what an earlier run left: its init may have ended by itself, or the daemon crashed. Returns
    /// the number of quick reboots that led to this start.
    fn remove_remains(
        &self,
        spec: &ContainerSpec,
        operation: &dyn Operation,
    ) -> Result<u32, Failure> {
        let live = self.container(&spec.container);
        if let Some(live) = live.as_ref().filter(|live| live.restart_at.is_some()) {
            self.containers.apply(&spec.container, Event::Cleared)?;
            return Ok(live.quick_reboots);
        }
        if live.is_none() && self.cgroups.presence(&spec.cgroup) == os_cgroup::Presence::Absent {
            return Ok(0);
        }
        let target = StopTarget {
            container: spec.container.clone(),
            cgroup: spec.cgroup.clone(),
            run: spec.paths.run.clone(),
            // Without a recorded run there is nothing that its hook scripts would belong to.
            spec: live.is_some().then(|| spec.clone()),
        };
        self.finish(&target, None, operation).map(|()| 0)
    }
}

/// The monitor of a start, whose hooks are heard until this is dropped.
struct Monitor<'a> {
    pid: u32,
    helper: &'a Path,
    stage: &'a Stage,
    /// `None` if LXC's log cannot be watched.
    log_watch: Option<LogWatch>,
    _expectation: Expectation,
}

/// A start in progress.
struct Start<'a> {
    runtime: &'a Runtime,
    spec: &'a ContainerSpec,
    policy: StartPolicy,
    operation: &'a dyn Operation,
    events: &'a Receiver<StartEvent>,
}

impl Start<'_> {
    fn run(
        &self,
        starting: LiveContainer,
        sender: &Sender<StartEvent>,
    ) -> Result<(LiveContainer, Process), Failure> {
        let Self { runtime, spec, .. } = self;
        let programs = runtime.programs()?;
        runtime.make_cgroups(spec)?;
        // While the kernel waits it makes no groups.
        runtime.cgroups.expect_joins();
        prepare::make_directories(spec)?;
        // What the start is for has to be known after a crash, before anything runs.
        record::write(&spec.paths.run, &starting.record())?;
        let seccomp = seccomp::copy(spec)?;
        let config = runtime.lxc_config(spec, programs, self.policy)?;
        lxc_config::write(spec, &config)?;
        hook::run(spec, Hook::PreStart, HookContext::Host, self.operation)?;
        runtime.write_guest_config_before_start(spec);
        let monitor = self.spawn_monitor(programs, &config, sender)?;
        let init = self.wait_for_init(&monitor)?;
        let live = LiveContainer {
            init: Some(init.clone()),
            monitor_pid: Some(monitor.pid),
            started: Some(Timestamp::now()),
            seccomp,
            started_with: Some(Arc::new(spec.started_with())),
            ..starting
        };
        record::write(&spec.paths.run, &live.record())?;
        Ok((live, init))
    }

    /// Starts the helper with the files of the container's control groups, which it joins last; returns
    /// when it has become LXC. Hooks are expected from the first moment on.
    fn spawn_monitor<'a>(
        &self,
        programs: &'a Programs,
        config: &'a ContainerConfig,
        sender: &Sender<StartEvent>,
    ) -> Result<Monitor<'a>, Failure> {
        let Self { runtime, spec, .. } = self;
        let job = runtime.start_job(spec, programs, self.policy);
        let groups = runtime.cgroups.join_fds(&spec.delegated()?)?;
        let refused = |error: HelperError| {
            let log = format!("osctl ct log cat {}", spec.container);
            Failure::from(error).next(log)
        };
        let spawning = runtime.pending_starts.spawning();
        let started = programs
            .helper
            .start(Job::Start(Box::new(job)), groups, Vec::new());
        let started = started.map_err(refused)?;
        let hooks = &config.hooks;
        let expected = [
            (HookName::PreMount, hooks.pre_mount),
            (HookName::Mount, hooks.mount),
            (HookName::StartHost, hooks.start_host),
        ];
        let expected = expected.into_iter().filter(|(_, is_used)| *is_used);
        let expected = expected.map(|(hook, _)| hook).collect();
        let pid = started.pid();
        let expectation = runtime.pending_starts.expect(pid, expected, sender.clone());
        drop(spawning);
        let child = started.executed(TIMEOUT).map_err(refused)?;
        let log_watch = self.watch_log(sender);
        let sender = sender.clone();
        runtime.reaper.child(child, move || {
            // The start may be over.
            drop(sender.send(StartEvent::MonitorEnded));
        });
        Ok(Monitor {
            pid,
            helper: programs.helper.path(),
            stage: &config.stage,
            log_watch,
            _expectation: expectation,
        })
    }

    /// Watches the log that the helper has just made, so that LXC's messages wake this start.
    fn watch_log(&self, sender: &Sender<StartEvent>) -> Option<LogWatch> {
        let log = &self.spec.paths.log;
        let watched = self
            .runtime
            .log_watcher
            .as_ref()?
            .watch(log, sender.clone());
        watched
            .inspect_err(|error| tracing::warn!(%error, ?log, "cannot watch the log of LXC"))
            .ok()
    }

    /// Waits until init has executed its program, and answers hooks before that.
    ///
    /// LXC tells of init by a hook only if there is a script to run then, for a hook is two more programs to
    /// execute. Otherwise the kernel is asked: what is in the guest's control group and is init.
    fn wait_for_init(&self, monitor: &Monitor<'_>) -> Result<Process, Failure> {
        let began = Instant::now();
        let mut deadline = began + TIMEOUT;
        let mut init = None;
        let mut woken = began;
        loop {
            // Init executes its program a moment after LXC has logged that it does so.
            let pause = match &monitor.log_watch {
                Some(_) => woken.elapsed(),
                None => began.elapsed() / 16,
            };
            let event = self
                .events
                .recv_timeout(pause.clamp(FIRST_POLL, CANCEL_POLL));
            match event {
                Ok(StartEvent::Logged(unhandled)) => {
                    // Before the check below, so that what LXC logs from now on wakes again.
                    drop(unhandled);
                    woken = Instant::now();
                }
                Ok(StartEvent::Hook(call)) => {
                    let began = Instant::now();
                    if call.message.hook == HookName::StartHost {
                        let pid = call.message.init_pid;
                        init = pid.and_then(|pid| self.as_init(monitor, pid));
                    }
                    self.answer(monitor, &call, init.as_ref())?;
                    // Scripts have time limits of their own.
                    deadline += began.elapsed();
                }
                Ok(StartEvent::MonitorEnded) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.failed("LXC ended before its init ran"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            init = init.or_else(|| self.find_init(monitor));
            if let Some(init) = &init {
                match os_sys::ProcessStat::read(init.pid()) {
                    Some(stat) if !init.has_ended() => {
                        if stat.has_execed {
                            return Ok(init.clone());
                        }
                    }
                    // LXC may wait for it forever.
                    _ => return Err(self.failed("its init ended at once")),
                }
            }
            if self.operation.is_cancelled() {
                return Err(operation::cancelled("the start"));
            }
            if Instant::now() > deadline {
                let text = format!(
                    "init did not run its program within {} s",
                    TIMEOUT.as_secs()
                );
                return Err(self.failed(&text));
            }
        }
    }

    fn find_init(&self, monitor: &Monitor<'_>) -> Option<Process> {
        let payload = spec::payload(&self.spec.cgroup, &self.spec.container.name).ok()?;
        let members = self.runtime.cgroups.members(&payload).ok()?;
        members
            .into_iter()
            .find_map(|pid| self.as_init(monitor, pid))
    }

    /// The process, if it is what the monitor of this start has made as init: its child, the first process
    /// of a pid namespace, in the container's control group.
    fn as_init(&self, monitor: &Monitor<'_>, pid: u32) -> Option<Process> {
        let process = Process::open(pid)?;
        let parent = self.runtime.cgroups.parent().as_str();
        let is_child = os_sys::ProcessStat::read(pid)?.parent == monitor.pid;
        let is_init = is_child
            && process::is_init_of_guest(pid)
            && Path::new(&process::cgroup_below(pid, parent)?)
                .starts_with(self.spec.cgroup.as_str());
        // What was read is about the process that is held, if that has not ended.
        (is_init && !process.has_ended()).then_some(process)
    }

    /// Runs the scripts of a hook and answers it.
    fn answer(
        &self,
        monitor: &Monitor<'_>,
        call: &HookCall,
        init: Option<&Process>,
    ) -> Result<(), Failure> {
        let mounts = HookContext::Mounts {
            helper: monitor.helper,
            monitor: monitor.pid,
            stage: monitor.stage,
        };
        let run = |hook, context| hook::run(self.spec, hook, context, self.operation);
        let ran = match (call.message.hook, init) {
            (HookName::PreMount, _) => run(Hook::PreMount, mounts),
            (HookName::Mount, _) => run(Hook::PostMount, mounts),
            (HookName::StartHost, Some(init)) => {
                run(Hook::OnStart, HookContext::HostWith { init: init.pid() })
            }
            (HookName::StartHost, None) => Err(self.failed("its init is gone")),
            (HookName::PostStop, _) => Ok(()),
        };
        call.answer_with(match &ran {
            Ok(()) => HookAnswer::Continue,
            Err(failure) => HookAnswer::Abort(failure.message.clone()),
        });
        ran
    }

    /// The failure of this start, with LXC's own words.
    fn failed(&self, what: &str) -> Failure {
        let container = &self.spec.container;
        let log = os_store::read_end(&self.spec.paths.log, LOG_LIMIT);
        let (log, _) = log.unwrap_or_default();
        let reason = os_lxc::log::errors(&String::from_utf8_lossy(&log));
        let reason = reason.first();
        let reason = reason.map_or_else(String::new, |first| format!(": {first}"));
        let text = format!("container {container} did not start: {what}{reason}");
        Failure::new(Code::Start, text)
            .about(format!("container {container}"))
            .next(format!("osctl ct log cat {container}"))
    }
}

/// How much of LXC's log is searched for the reason of a failure, in bytes. The monitor's user can write to
/// it, and as much as it likes.
const LOG_LIMIT: u64 = 64 << 10;
