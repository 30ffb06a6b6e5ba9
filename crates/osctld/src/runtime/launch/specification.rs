//! What LXC and the helper are told about a container.

use std::path::Path;

use os_lxc::config::MountEntry;
use os_lxc::{
    AppArmor, ClockOffsets, ConfigPath, ConsoleLog, ContainerConfig, Flavour, HookProgram,
    IDLE_IN_GUEST, LaunchSpec, LogFile, Nesting, RawConfig, Rlimit, RlimitValue, RootSource, Stage,
    Value, ValueError,
};
use os_store::atomic::{self, Attributes};
use os_types::{Code, Failure, StartInit, chain};

use super::{HOOK_SOCKET, IDLE, Means, SECCOMP_POLICY, STAGE};
use crate::host::fail;
use crate::runtime::scripts::{self, Moment};
use crate::runtime::{Place, seccomp};

/// A hook waits so long for us: longer than all scripts of a moment may take.
const HOOK_PATIENCE_MS: u32 = 600_000;

/// What prints on its console is kept up to this size, twice.
const CONSOLE_BYTES: u32 = 128 << 10;

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be named where an error is mapped"
)]
fn bad_value(error: ValueError) -> Failure {
    Failure::new(Code::Name, chain(&error))
}

pub(super) fn path(path: impl AsRef<Path>) -> Result<ConfigPath, Failure> {
    ConfigPath::new(path).map_err(bad_value)
}

/// The container as LXC is told about it.
pub(super) fn config(place: &Place, means: &Means<'_>) -> Result<ContainerConfig, Failure> {
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
    let policy = match doc.seccomp_profile {
        Some(_) => seccomp::copy_in(&place.run),
        None => means.run.join(SECCOMP_POLICY),
    };
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
            pre_mount: scripts::any(place, Moment::PreMount),
            mount: scripts::any(place, Moment::PostMount),
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
        mounts: mounts(means)?,
        raw,
    })
}

/// What is mounted beside what every container gets: the init that only waits, if it is to be used.
fn mounts(means: &Means<'_>) -> Result<Vec<MountEntry>, Failure> {
    if means.policy.init == StartInit::Own {
        return Ok(Vec::new());
    }
    let source = path(means.run.join(IDLE))?;
    let target = IDLE_IN_GUEST.trim_start_matches('/');
    let entry = MountEntry::bind(&source, target, &["ro", "create=file"]);
    Ok(vec![entry.map_err(bad_value)?])
}

/// Writes LXC's configuration file.
pub(super) fn write_config(place: &Place, config: &ContainerConfig) -> Result<(), Failure> {
    let file = place.lxc_path.join(place.name.as_str()).join("config");
    let written = atomic::replace(&file, config.render().as_bytes(), Attributes::mode(0o644));
    written.map(drop).map_err(|error| fail::file(&error))
}

/// What the helper is told.
pub(super) fn specification(
    place: &Place,
    means: &Means<'_>,
    stage: Stage,
) -> Result<LaunchSpec, Failure> {
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
        init: match means.policy.init {
            StartInit::Own => place.doc.init(),
            StartInit::Idle => vec![IDLE_IN_GUEST.to_owned()],
        },
        debug: means.policy.debug,
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
