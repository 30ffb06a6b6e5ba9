//! From a stopped container to a running init.
//!
//! ```text
//!   control groups ─ folders, configuration ─ pre-start scripts
//!     ─ os-helper start ─> LXC's monitor ─ start-host hook: init is there
//!         ─ on-start scripts ─ answer ─ init runs its program ─> running
//! ```
//!
//! Every wait is for a fact and has a deadline. What fails takes everything back.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use os_lxc::{
    AppArmor, ClockOffsets, ConfigPath, ConsoleLog, ContainerConfig, Flavour, HookAnswer,
    HookMessage, HookName, HookProgram, LaunchFailure, LaunchSpec, LogFile, Nesting, RawConfig,
    Rlimit, RlimitValue, RootSource, Stage, Value, ValueError,
};
use os_store::atomic::{self, Attributes, Owner};
use os_sys::{PidFd, SpawnRequest, patience};
use os_types::{Code, ContainerState, Failure, chain};
use rustix::fs::MemfdFlags;

use super::hooks::{Called, News};
use super::record::{self, Record};
use super::scripts::{self, Moment};
use super::{Key, Place, Runtime, Slot, place, process};
use crate::host::fail;

/// From the start of the helper to init, scripts not counted.
const PATIENCE: Duration = Duration::from_mins(1);

/// A hook waits so long for us: longer than all scripts of a moment may take.
const HOOK_PATIENCE_MS: u32 = 600_000;

/// What prints on its console is kept up to this size, twice.
const CONSOLE_BYTES: u32 = 128 << 10;

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
    pub(crate) debug: bool,
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
            init_pid: None,
            monitor_pid: None,
            started: Some(Timestamp::now()),
            cgroup: place.cgroup.to_string(),
        },
    );
    let (sender, news) = means.runtime.expected.expect(place.cgroup.as_str());
    let started = attempt(place, means, &news, sender);
    means.runtime.expected.forget(place.cgroup.as_str());
    match started {
        Ok((slot, init)) => {
            let pid = slot.init_pid;
            means.runtime.enter(&key, slot);
            means.runtime.watch.process(init, ended);
            scripts::run_and_log(place, Moment::PostStart, pid);
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
) -> Result<(Slot, PidFd), Failure> {
    make_cgroups(place, means)?;
    make_folders(place)?;
    let config = config(place, means)?;
    write_config(place, &config)?;
    scripts::run(place, Moment::PreStart, None)?;
    let monitor = spawn(place, means, config.stage.clone())?;
    let monitor_pid = monitor.pid();
    means.runtime.watch.child(monitor, move || {
        // Nobody may be waiting any more.
        drop(sender.send(News::MonitorEnded));
    });
    let deadline = Instant::now() + PATIENCE;
    let called = first_hook(place, news, deadline)?;
    let init = called.message.init_pid.unwrap_or(0);
    let in_place = process::cgroup_below(init, means.cgroups.parent().as_str());
    let is_ours = in_place.is_some_and(|path| path.starts_with(place.cgroup.as_str()));
    let pidfd = PidFd::open(init).ok().flatten().filter(|_| is_ours);
    let pidfd = pidfd.ok_or_else(|| give_up(place, "its init is gone".to_owned()))?;
    if let Err(failure) = scripts::run(place, Moment::OnStart, Some(init)) {
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
        return Err(give_up(place, "its init ended at once".to_owned()));
    };
    let slot = Slot {
        state: ContainerState::Running,
        init_pid: Some(init),
        monitor_pid: Some(monitor_pid),
        started: Some(Timestamp::now()),
        cgroup: place.cgroup.to_string(),
    };
    let record = Record {
        init_pid: init,
        init_start: stat.start_time,
        monitor_pid,
        started: slot.started.unwrap_or_default(),
        cgroup: slot.cgroup.clone(),
    };
    record::write(&place.run, &record)?;
    Ok((slot, pidfd))
}

/// The container's group and the one within it that LXC may fill.
fn make_cgroups(place: &Place, means: &Means<'_>) -> Result<(), Failure> {
    let delegated = place.delegated()?;
    let failed = |error: os_cgroup::CgroupError| Failure::new(Code::Step, chain(&error));
    means.cgroups.create(&delegated).map_err(failed)?;
    let id = Some(place.account.ugid);
    for folder in means.cgroups.folders(&delegated) {
        // What a user has to own to make groups below: cgroups(7), "Delegation".
        for name in [
            "",
            "cgroup.procs",
            "tasks",
            "cgroup.subtree_control",
            "cgroup.threads",
        ] {
            match chown(folder.join(name), id, id) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let text = format!("cannot give away {}: {error}", folder.display());
                    return Err(Failure::new(Code::Step, text));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn make_folders(place: &Place) -> Result<(), Failure> {
    let ugid = place.account.ugid;
    let own = |mode| Attributes {
        owner: Some(Owner {
            uid: ugid,
            gid: ugid,
        }),
        ..Attributes::mode(mode)
    };
    let folders = [
        (place.run.clone(), Attributes::mode(0o711)),
        (place.run.join("console"), own(0o700)),
        (place.account.home.join(".home"), own(0o700)),
        (place.account.home.join(".home/run"), own(0o700)),
        (
            place.lxc_path.join(place.name.as_str()),
            Attributes::mode(0o711),
        ),
    ];
    for (folder, attributes) in folders {
        let made = atomic::create_dir_all(&folder, Attributes::mode(0o711));
        made.map_err(|error| fail::file(&error))?;
        let shaped = fs::set_permissions(&folder, fs::Permissions::from_mode(attributes.mode));
        let owned = shaped.and_then(|()| match &attributes.owner {
            Some(owner) => chown(&folder, Some(owner.uid), Some(owner.gid)),
            None => Ok(()),
        });
        owned.map_err(|error| {
            Failure::new(
                Code::Step,
                format!("cannot prepare {}: {error}", folder.display()),
            )
        })?;
    }
    Ok(())
}

fn bad_value(error: ValueError) -> Failure {
    Failure::new(Code::Name, chain(&error))
}

fn path(path: impl AsRef<Path>) -> Result<ConfigPath, Failure> {
    ConfigPath::new(path).map_err(bad_value)
}

fn config(place: &Place, means: &Means<'_>) -> Result<ContainerConfig, Failure> {
    let doc = &place.doc;
    let hostname = doc
        .hostname
        .as_ref()
        .map_or(place.name.as_str(), |name| name.as_str());
    let raw = RawConfig::parse(doc.raw_lxc.as_deref().unwrap_or_default());
    let raw = raw.map_err(|error| {
        Failure::new(Code::Name, chain(&error)).next(format!(
            "osctl ct unset raw lxc {}:{}",
            place.pool, place.name
        ))
    })?;
    let policy = doc.seccomp_profile.clone();
    let policy = policy.unwrap_or_else(|| means.run.join(SECCOMP_POLICY));
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = |time: rustix::time::Timespec| u64::try_from(time.tv_sec).unwrap_or(0);
    Ok(ContainerConfig {
        id: place.name.clone(),
        arch: doc.arch.clone(),
        hostname: Value::new(hostname).map_err(bad_value)?,
        uid_map: place.uid_map.clone(),
        gid_map: place.gid_map.clone(),
        stage: Stage::new(path(means.run.join(STAGE))?),
        flavour: Flavour::of(&doc.distribution),
        seccomp: path(policy)?,
        clocks: ClockOffsets::since(seconds(uptime), seconds(monotonic)),
        hooks: HookProgram {
            socket: path(means.run.join(HOOK_SOCKET))?,
            reboot_mark: path(place.run.join("console/reboot"))?,
            patience_ms: HOOK_PATIENCE_MS,
            pre_mount: false,
            mount: false,
        },
        console: ConsoleLog {
            path: path(place.run.join("console/log"))?,
            bytes: CONSOLE_BYTES,
        },
        apparmor: if means.apparmor {
            AppArmor::Profile(Value::new("unconfined").map_err(bad_value)?)
        } else {
            AppArmor::Absent
        },
        nesting: if doc.nesting {
            Nesting::Allowed
        } else {
            Nesting::Refused
        },
        environment: Vec::new(),
        mounts: Vec::new(),
        raw,
    })
}

/// The socket of hooks in the run folder.
pub(crate) const HOOK_SOCKET: &str = "hook.sock";

/// An empty folder in the run folder, over which each monitor mounts what only it sees.
pub(crate) const STAGE: &str = "stage";

/// Our seccomp policy in the run folder.
pub(crate) const SECCOMP_POLICY: &str = "seccomp.policy";

fn write_config(place: &Place, config: &ContainerConfig) -> Result<(), Failure> {
    let file = place.lxc_path.join(place.name.as_str()).join("config");
    let written = atomic::replace(&file, config.render().as_bytes(), Attributes::mode(0o644));
    written.map(drop).map_err(|error| fail::file(&error))
}

fn specification(place: &Place, means: &Means<'_>, stage: Stage) -> Result<LaunchSpec, Failure> {
    let home = place.account.home.join(".home");
    Ok(LaunchSpec {
        id: place.name.clone(),
        lxc_path: path(&place.lxc_path)?,
        lxc_program: path(means.lxc_start)?,
        stage,
        root: RootSource {
            path: path(&place.root)?,
            uid_map: place.uid_map.clone(),
            gid_map: place.gid_map.clone(),
        },
        log: LogFile {
            path: path(&place.log)?,
        },
        helper: path(means.helper)?,
        ugid: place.account.ugid,
        runtime_dir: path(home.join("run"))?,
        home: path(home)?,
        etc: means.etc.map(path).transpose()?,
        keep: vec![path(means.run)?, path(&place.lxc_path)?],
        rlimits: vec![open_files()],
        init: place.doc.init(),
        execute: None,
        debug: means.debug,
        status_fd: 1,
    })
}

/// How many files a process may open: vpsAdminOS's limits, or what this host has if that is less, for
/// not every root may raise it.
fn open_files() -> Rlimit {
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let hard = own.maximum.unwrap_or(u64::MAX).min(1_048_576);
    Rlimit {
        resource: "nofile".to_owned(),
        soft: RlimitValue::Limited(hard.min(1024)),
        hard: RlimitValue::Limited(hard),
    }
}

/// Starts the helper in the container's control groups; returns when it has become LXC.
fn spawn(place: &Place, means: &Means<'_>, stage: Stage) -> Result<os_sys::Child, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Code::Step, format!("cannot start the monitor: {error}"))
    };
    let text = serde_json::to_vec(&specification(place, means, stage)?).unwrap_or_default();
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

/// Waits for the hook that says that init is there.
fn first_hook(place: &Place, news: &Receiver<News>, deadline: Instant) -> Result<Called, Failure> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match news.recv_timeout(left) {
            Ok(News::Hook(called)) => match called.message {
                HookMessage {
                    hook: HookName::StartHost,
                    ..
                } => return Ok(called),
                _ => drop(called.answer.send(HookAnswer::Continue)),
            },
            Ok(News::MonitorEnded) | Err(RecvTimeoutError::Disconnected) => {
                return Err(give_up(
                    place,
                    "LXC ended before its init was there".to_owned(),
                ));
            }
            Err(RecvTimeoutError::Timeout) => {
                let text = format!("LXC made no init within {} s", PATIENCE.as_secs());
                return Err(give_up(place, text));
            }
        }
    }
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
            return Err(give_up(place, "LXC ended before its init ran".to_owned()));
        }
        match process::stat(init) {
            Some(stat) if stat.state != 'Z' => Ok(stat.has_execed.then_some(())),
            _ => Err(give_up(place, "its init ended at once".to_owned())),
        }
    })?;
    seen.ok_or_else(|| give_up(place, "init did not run its program".to_owned()))
}

/// The failure of a start, with what LXC says.
fn give_up(place: &Place, what: String) -> Failure {
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
