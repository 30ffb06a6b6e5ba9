//! A container of its own: a pool in a file, control groups, a user, hooks answered by a thread.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use os_cgroup::{CgroupPath, Tree};
use os_cmd::os_helper::{Helper, HelperError};
use os_cmd::{HostRunner, Invocation, Output, Runner as _};
use os_helper_api::{Job, Rlimit, RlimitValue, RootSource, StartJob};
use os_lxc::{
    AppArmor, ClockOffsets, ConfigPath, ConsoleLog, ContainerConfig, DistroQuirks, HookAnswer,
    HookMessage, HookProgram, Nesting, Stage, Value,
};
use os_sys::{Access, Child, LoopDevice, LoopOptions, MountTable, patience};
use os_testkit::{PrivateEtc, TestUser};
use os_types::{Failure, IdMap, RawLxc};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// No other test has users there, and no host should.
pub(crate) const FIRST_ID: u32 = 2_100_000_000;
pub(crate) const UGID: u32 = 2_099_999_999;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A file system in a file, mounted.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) device: LoopDevice,
    pub(crate) at: PathBuf,
}

impl Disk {
    pub(crate) fn new(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let image = folder.join(format!("{name}.img"));
        File::create_new(&image)?.set_len(256 << 20)?;
        let format = Invocation::new("mkfs.btrfs").arg("-q").arg(&image);
        HostRunner::new().run(format)?;
        let device = LoopDevice::attach(
            &image,
            LoopOptions {
                access: Access::ReadWrite,
                direct_io: false,
            },
        )?;
        let at = folder.join(name);
        fs::create_dir(&at)?;
        os_sys::mount_filesystem(device.node(), &at, "btrfs", Access::ReadWrite, "")?;
        Ok(Self { device, at })
    }

    /// Unmounts and detaches; fails at once if either is in use.
    pub(crate) fn remove(&self) -> anyhow::Result<()> {
        os_sys::unmount(&self.at)?;
        self.device.detach(PATIENCE)?;
        Ok(())
    }
}

/// What a container needs on a host.
#[derive(Debug)]
pub(crate) struct Rig {
    dir: TempDir,
    pub(crate) tree: Tree,
    pub(crate) pool: Disk,
    pub(crate) job: StartJob,
    pub(crate) config: ContainerConfig,
    pub(crate) messages: Receiver<HookMessage>,
    before: BTreeSet<PathBuf>,
}

/// A monitor that was started.
#[derive(Debug)]
pub(crate) struct Monitor {
    pub(crate) child: Child,
    /// What init's start told us.
    pub(crate) init: u32,
}

fn path(path: impl AsRef<Path>) -> ConfigPath {
    ConfigPath::new(path).expect("test paths are plain")
}

impl Rig {
    /// Everything but the start; `init` is a script run by busybox.
    pub(crate) fn new(init: &str) -> anyhow::Result<Self> {
        let before = mounts()?;
        let dir = tempfile::Builder::new().prefix("os-helper-").tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))?;
        let at = |name: &str| dir.path().join(name);
        let pool = Disk::new(dir.path(), "pool")?;
        // As on a real pool: only root can enter the first directory.
        fs::set_permissions(&pool.at, fs::Permissions::from_mode(0o500))?;
        let private = pool.at.join("private");
        make_root(&private, init)?;
        for name in ["stage", "lxc", "lxc/web", "home", "runtime", "console"] {
            fs::create_dir(at(name))?;
        }
        for name in ["home", "runtime", "console"] {
            chown(at(name), Some(UGID), Some(UGID))?;
        }
        fs::write(at("policy"), os_lxc::seccomp::DEFAULT_POLICY)?;
        let etc = PrivateEtc::new(at("etc"))?;
        etc.add(TestUser {
            name: "os-helper-test",
            ugid: UGID,
            first: FIRST_ID,
            count: 65_536,
            home: &at("home"),
        })?;
        let map = IdMap::try_from(vec![format!("0:{FIRST_ID}:65536").parse()?])?;
        let stage = Stage::new(path(at("stage")));
        let messages = answer_hooks(&at("hook.sock"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tree = Tree::detect(&format!("os-helper-test-{}-{number}", std::process::id()))?;
        Ok(Self {
            job: job(&at, &private, &map, &stage)?,
            config: config(&at, &map, &stage)?,
            dir,
            tree,
            pool,
            messages,
            before,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn group() -> CgroupPath {
        "user-owned".parse().expect("a name of a group")
    }

    pub(crate) fn payload() -> CgroupPath {
        let payload = Self::group().join("lxc.payload.web");
        payload.expect("a name of a group")
    }

    /// Starts, and waits until init is about to run.
    pub(crate) fn start(&self) -> anyhow::Result<Monitor> {
        let child = self.launch()?;
        let child = child.map_err(|failure| anyhow::anyhow!("not started: {failure:?}"))?;
        let message = self.messages.recv_timeout(PATIENCE);
        let message = message.with_context(|| format!("no start-host\n{}", self.log()))?;
        let init = message.init_pid.context("start-host has no pid")?;
        Ok(Monitor { child, init })
    }

    /// Has `os-helper` become the monitor, or say why not.
    pub(crate) fn launch(&self) -> anyhow::Result<Result<Child, Failure>> {
        fs::write(self.path("lxc/web/config"), self.config.render())?;
        self.tree.create(&Self::group())?;
        for folder in self.tree.folders(&Self::group()) {
            chown(&folder, Some(UGID), Some(UGID))?;
            for file in [
                "cgroup.procs",
                "tasks",
                "cgroup.subtree_control",
                "cgroup.threads",
            ] {
                let file = folder.join(file);
                if file.exists() {
                    chown(file, Some(UGID), Some(UGID))?;
                }
            }
        }
        let helper = Helper::new(env!("CARGO_BIN_EXE_os-helper"));
        let groups = self.tree.join_fds(&Self::group())?;
        let job = Job::Start(Box::new(self.job.clone()));
        let started = helper.start(job, groups, Vec::new())?;
        match started.executed(PATIENCE) {
            Ok(child) => Ok(Ok(child)),
            Err(HelperError::Failed(failure)) => Ok(Err(failure)),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn log(&self) -> String {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let log = read(self.pool.at.join("log"));
        format!(
            "{log}\n{}\n{}",
            read(self.path("output")),
            read(self.path("console/log"))
        )
    }

    /// Runs one of LXC's programs on the container, as an administrator would.
    pub(crate) fn lxc(&self, program: &str, args: &[&str]) -> anyhow::Result<Output> {
        let command = Invocation::new(program).arg("-P").arg(self.path("lxc"));
        Ok(HostRunner::new().run(command.args(["-n", "web"]).args(args))?)
    }

    /// Waits until the guest has made a file.
    pub(crate) fn guest_file(&self, name: &str) -> anyhow::Result<String> {
        let file = self.pool.at.join("private").join(name);
        let seen = patience::until(PATIENCE, || {
            Ok::<_, std::io::Error>(
                fs::read_to_string(&file)
                    .ok()
                    .filter(|it| it.ends_with('\n')),
            )
        })?;
        seen.with_context(|| format!("the guest made no {name}\n{}", self.log()))
    }

    /// Takes everything down; fails if anything of the container is left.
    pub(crate) fn finish(self, mut monitor: Option<Monitor>) -> anyhow::Result<()> {
        if let Some(monitor) = &mut monitor {
            let ended = monitor.child.wait(PATIENCE)?;
            ended.with_context(|| format!("the monitor did not end\n{}", self.log()))?;
        }
        ensure!(
            !self.tree.is_populated(&Self::group())?,
            "processes are left"
        );
        let root: CgroupPath = CgroupPath::PARENT;
        let left: Vec<_> = self.tree.folders(&Self::payload());
        let left: Vec<_> = left.into_iter().filter(|folder| folder.exists()).collect();
        ensure!(left.is_empty(), "LXC left {left:?}\n{}", self.log());
        self.tree.remove(&root, PATIENCE)?;
        self.pool.remove().context("the pool is in use")?;
        let after = mounts()?;
        let mine: Vec<_> = after.difference(&self.before).collect();
        let mine: Vec<_> = mine
            .into_iter()
            .filter(|it| it.starts_with(self.dir.path()))
            .collect();
        ensure!(mine.is_empty(), "mounts are left: {mine:?}");
        Ok(())
    }
}

impl Drop for Rig {
    /// After a failed test: best effort, so that the next one finds the host as it was.
    fn drop(&mut self) {
        let group = CgroupPath::PARENT;
        drop(self.tree.kill(&group, PATIENCE));
        drop(self.tree.remove(&group, PATIENCE));
        drop(self.pool.remove());
    }
}

pub(crate) fn mounts() -> anyhow::Result<BTreeSet<PathBuf>> {
    Ok(MountTable::read()?
        .iter()
        .map(|it| it.mount_point.clone())
        .collect())
}

fn job(
    at: &dyn Fn(&str) -> PathBuf,
    private: &Path,
    map: &IdMap,
    stage: &Stage,
) -> anyhow::Result<StartJob> {
    Ok(StartJob {
        id: "web".parse()?,
        lxc_path: at("lxc"),
        lxc_program: HostRunner::new().find("lxc-start")?,
        stage: stage.folder().as_path().to_owned(),
        root: RootSource {
            path: private.to_owned(),
            uid_map: map.clone(),
            gid_map: map.clone(),
        },
        log: at("pool/log"),
        helper: env!("CARGO_BIN_EXE_os-helper").into(),
        ugid: UGID,
        home: at("home"),
        runtime_dir: at("runtime"),
        etc: Some(at("etc")),
        keep: vec![at("lxc")],
        rlimits: vec![Rlimit {
            resource: "nofile".to_owned(),
            soft: RlimitValue::Limited(1000),
            hard: RlimitValue::Limited(2000),
        }],
        init: vec!["/init".to_owned(), "a b".to_owned()],
        debug: true,
    })
}

fn config(
    at: &dyn Fn(&str) -> PathBuf,
    map: &IdMap,
    stage: &Stage,
) -> anyhow::Result<ContainerConfig> {
    let uptime = fs::read_to_string("/proc/uptime")?;
    let seconds: u64 = uptime.split('.').next().context("uptime")?.parse()?;
    Ok(ContainerConfig {
        id: "web".parse()?,
        arch: std::env::consts::ARCH.parse()?,
        hostname: Value::new("web.example.org")?,
        uid_map: map.clone(),
        gid_map: map.clone(),
        stage: stage.clone(),
        quirks: DistroQuirks::of(&"busybox".parse()?),
        seccomp: path(at("policy")),
        clocks: ClockOffsets::since(seconds, seconds),
        hooks: HookProgram {
            socket: path(at("hook.sock")),
            reboot_mark: path(at("console/reboot")),
            patience_ms: 5000,
            start_host: true,
            pre_mount: false,
            mount: false,
        },
        console: ConsoleLog {
            path: path(at("console/log")),
            bytes: 16_384,
        },
        apparmor: AppArmor::Absent,
        nesting: Nesting::Refused,
        mounts: Vec::new(),
        raw: RawLxc::default(),
    })
}

/// A root with busybox for everything.
fn make_root(root: &Path, init: &str) -> anyhow::Result<()> {
    let busybox = HostRunner::new().find("busybox")?;
    for name in ["", "bin", "dev", "etc", "proc", "sys", "tmp", "run"] {
        fs::create_dir(root.join(name))?;
    }
    fs::copy(busybox, root.join("bin/busybox"))?;
    for name in [
        "sh", "sleep", "mount", "cat", "id", "ip", "reboot", "touch", "umount", "kill",
    ] {
        symlink("busybox", root.join("bin").join(name))?;
    }
    fs::write(root.join("init"), format!("#!/bin/sh\nPATH=/bin\n{init}\n"))?;
    fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Answers every hook with yes, and passes on what they said.
fn answer_hooks(socket: &Path) -> anyhow::Result<Receiver<HookMessage>> {
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666))?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            let answer = BufReader::new(&stream)
                .read_line(&mut line)
                .ok()
                .and_then(|_| {
                    let message: HookMessage = serde_json::from_str(&line).ok()?;
                    serde_json::to_string(&HookAnswer::Continue)
                        .ok()
                        .map(|it| (message, it))
                });
            if let Some((message, answer)) = answer
                && writeln!(&stream, "{answer}").is_ok()
                && sender.send(message).is_err()
            {
                return;
            }
        }
    });
    Ok(receiver)
}
