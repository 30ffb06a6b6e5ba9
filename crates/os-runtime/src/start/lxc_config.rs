//! LXC's configuration of a container, and the job of the helper that starts LXC.

use std::path::Path;

use os_api::part::{PartEntry, Prlimits};
use os_helper_api::{Rlimit, RlimitValue, RootSource, StartJob};
use os_lxc::config::MountEntry;
use os_lxc::{
    AppArmor, ClockOffsets, ConfigPath, ConsoleLog, ContainerConfig, DistroQuirks, HookProgram,
    IDLE_IN_GUEST, Nesting, Stage, Value,
};
use os_store::atomic::{self, Attributes};
use os_types::{Failure, LimitValue, PrlimitName, StartInit, StartPolicy};

use crate::hook::{self, Hook};
use crate::programs::{self, Programs};
use crate::runtime::Runtime;
use crate::seccomp;
use crate::spec::ContainerSpec;

/// How long a hook of LXC waits for our answer, in milliseconds: longer than all scripts of one hook take.
const HOOK_TIMEOUT_MS: u32 = 600_000;

/// Size at which the console log is rotated, in bytes. One old log is kept.
const CONSOLE_BYTES: u32 = 128 << 10;

pub(super) fn path(path: impl AsRef<Path>) -> Result<ConfigPath, Failure> {
    Ok(ConfigPath::new(path)?)
}

impl Runtime {
    /// The container's configuration for LXC.
    pub(super) fn lxc_config(
        &self,
        spec: &ContainerSpec,
        programs: &Programs,
        policy: StartPolicy,
    ) -> Result<ContainerConfig, Failure> {
        let container = &spec.container;
        let run = &spec.paths.run;
        let settings = &spec.settings;
        let hostname = settings
            .hostname
            .as_ref()
            .map_or_else(|| container.name.uts_name(), |name| name.as_str());
        let seccomp = match settings.seccomp_profile {
            Some(_) => seccomp::copy_in(run),
            None => self.run_dir().join(seccomp::DEFAULT_POLICY_FILE),
        };
        let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seconds = |time: rustix::time::Timespec| u64::try_from(time.tv_sec).unwrap_or(0);
        Ok(ContainerConfig {
            id: container.name.clone(),
            arch: spec.arch.clone(),
            hostname: Value::new(hostname)?,
            uid_map: spec.uid_map.clone(),
            gid_map: spec.gid_map.clone(),
            stage: Stage::new(path(self.stage())?),
            quirks: DistroQuirks::of(&spec.distribution),
            seccomp: path(seccomp)?,
            clocks: ClockOffsets::since(seconds(uptime), seconds(monotonic)),
            hooks: HookProgram {
                socket: path(self.hook_socket())?,
                reboot_mark: path(run.join("console/reboot"))?,
                patience_ms: HOOK_TIMEOUT_MS,
                start_host: hook::any(spec, Hook::OnStart),
                pre_mount: hook::any(spec, Hook::PreMount),
                mount: hook::any(spec, Hook::PostMount),
            },
            console: ConsoleLog {
                path: path(run.join("console/log"))?,
                bytes: CONSOLE_BYTES,
            },
            apparmor: if programs.apparmor {
                AppArmor::Profile(Value::new("unconfined")?)
            } else {
                AppArmor::Absent
            },
            nesting: if settings.nesting == Some(true) {
                Nesting::Allowed
            } else {
                Nesting::Refused
            },
            mounts: self.pause_mount(policy)?,
            raw: settings.raw_lxc.clone().unwrap_or_default(),
        })
    }

    /// The mount of the init that only waits, if the container is started with it.
    fn pause_mount(&self, policy: StartPolicy) -> Result<Vec<MountEntry>, Failure> {
        if policy.init == StartInit::Own {
            return Ok(Vec::new());
        }
        let source = path(programs::pause_program(self.run_dir()))?;
        let target = IDLE_IN_GUEST.trim_start_matches('/');
        let entry = MountEntry::bind(&source, target, &["ro", "create=file"]);
        Ok(vec![entry?])
    }

    /// The job of the helper that becomes the monitor.
    pub(super) fn start_job(
        &self,
        spec: &ContainerSpec,
        programs: &Programs,
        policy: StartPolicy,
    ) -> StartJob {
        let paths = &spec.paths;
        StartJob {
            id: spec.container.name.clone(),
            lxc_path: paths.lxc_path.clone(),
            lxc_program: programs.lxc_start.clone(),
            stage: self.stage(),
            root: RootSource {
                path: paths.root.clone(),
                uid_map: spec.uid_map.clone(),
                gid_map: spec.gid_map.clone(),
            },
            log: paths.log.clone(),
            helper: programs.helper.path().to_owned(),
            ugid: spec.ugid,
            runtime_dir: spec.monitor_runtime_dir(),
            home: spec.monitor_home(),
            etc: self.etc.clone(),
            keep: vec![self.run_dir().to_owned(), paths.lxc_path.clone()],
            rlimits: spec.prlimits.iter().map(rlimit).collect(),
            init: match policy.init {
                StartInit::Own => spec.settings.init_cmd.clone().unwrap_or_default().into(),
                StartInit::Pause => vec![IDLE_IN_GUEST.to_owned()],
            },
            debug: policy.debug,
        }
    }
}

/// Writes LXC's configuration file. Only root and the monitor may read it.
pub(super) fn write(spec: &ContainerSpec, config: &ContainerConfig) -> Result<(), Failure> {
    let file = spec.lxc_dir().join("config");
    let attributes = Attributes::mode(0o640).owned_by(0, spec.ugid);
    let written = atomic::replace(&file, config.render().as_bytes(), attributes);
    written?;
    Ok(())
}

/// The limits of init and all it starts.
///
/// A default is lowered to what this host allows: not every root may raise its limits. A limit that
/// was set is not; the start fails if it cannot be applied.
fn rlimit(entry: &PartEntry<Prlimits>) -> Rlimit {
    let (mut soft, mut hard) = (entry.value.soft(), entry.value.hard());
    if entry.from == "default" && entry.key == PrlimitName::Nofile {
        let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let most = own
            .maximum
            .map_or(LimitValue::Unlimited, LimitValue::Limited);
        (soft, hard) = (soft.min(most), hard.min(most));
    }
    let value = |value: LimitValue| match value.number() {
        Some(number) => RlimitValue::Limited(number),
        None => RlimitValue::Unlimited,
    };
    Rlimit {
        resource: entry.key.to_string(),
        soft: value(soft),
        hard: value(hard),
    }
}
