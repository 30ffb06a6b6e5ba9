//! The writer of a configuration: the only place that knows LXC's keys.

use std::fmt::{Display, Write as _};

use os_types::{ContainerName, IdMap};

use super::{AppArmor, ContainerConfig, HookProgram, MountEntry, Nesting};
use crate::hook::HookName;
use crate::stage::Stage;
use crate::value::Value;

/// Mounts that every guest finds. Those marked `optional` depend on the host's kernel.
const MOUNTS: &[&str] = &[
    "/sys/fs/fuse/connections sys/fs/fuse/connections none bind,optional 0 0",
    "mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0",
    // Shut to anybody but root of the host. They are there because systemd would try to mount its
    // own, which no user namespace may, and call the system degraded.
    "/sys/kernel/debug sys/kernel/debug none bind,optional 0 0",
    "/sys/kernel/security sys/kernel/security none bind,optional 0 0",
    "/sys/fs/pstore sys/fs/pstore none bind,optional 0 0",
];

/// Capabilities that mean nothing in a user namespace; units of systemd that ask for them are then
/// skipped instead of failing.
const DROPPED: &str = "sys_module sys_rawio";

const RUN: &str = "tmpfs run tmpfs rw,nosuid,nodev,relatime,mode=755,create=dir 0 0";
const SHM: &str = "tmpfs dev/shm tmpfs rw,nosuid,nodev,relatime,mode=1777,create=dir 0 0";

/// A second proc and sysfs. *Source*: LXC, config/templates/nesting.conf.
const NESTING: &[&str] = &[
    "proc dev/.lxc/proc proc create=dir,optional 0 0",
    "sys dev/.lxc/sys sysfs create=dir,optional 0 0",
];

/// Lines being written. Every value is of a checked type, or made of such.
#[derive(Debug, Default)]
struct Lines(String);

impl Lines {
    fn section(&mut self, title: &str) {
        self.push(format_args!("\n# {title}"));
    }

    fn key(&mut self, key: impl Display, value: impl Display) {
        self.push(format_args!("{key} = {value}"));
    }

    fn push(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a string does not fail");
    }
}

pub(super) fn render(config: &ContainerConfig) -> String {
    let mut out = Lines::default();
    out.push(format_args!(
        "# Container {}. Written by osctld at each start: changes here are lost.",
        config.id
    ));
    identity(&mut out, config);
    ids(&mut out, &config.uid_map, &config.gid_map);
    root(&mut out, &config.stage);
    groups(&mut out, &config.id);
    mounts(&mut out, config);
    devices(&mut out, config);
    confinement(&mut out, config);
    hooks(&mut out, &config.stage, &config.hooks);
    out.section("Network");
    // A namespace of its own with the loopback interface up, and nothing else.
    out.key("lxc.net.0.type", "empty");
    out.key("lxc.net.0.flags", "up");
    raw(&mut out, config);
    out.0
}

fn identity(out: &mut Lines, config: &ContainerConfig) {
    out.section("Identity");
    out.key("lxc.arch", &config.arch);
    out.key("lxc.uts.name", &config.hostname);
    // To LXC 0 means no offset; saying so would still be a time namespace.
    for (clock, seconds) in [
        ("boot", config.clocks.boot),
        ("monotonic", config.clocks.monotonic),
    ] {
        if seconds > 0 {
            out.key(
                format_args!("lxc.time.offset.{clock}"),
                format_args!("-{seconds}s"),
            );
        }
    }
    if let Some(signal) = config.quirks.halt {
        out.key("lxc.signal.halt", signal);
    }
    if let Some((name, value)) = config.quirks.variable {
        out.key("lxc.environment", format_args!("{name}={value}"));
    }
}

fn ids(out: &mut Lines, uid_map: &IdMap, gid_map: &IdMap) {
    out.section("Ids");
    for (kind, map) in [("u", uid_map), ("g", gid_map)] {
        for entry in map.entries() {
            let (ns, host) = (entry.ns(), entry.host());
            let line = format_args!("{kind} {} {} {}", ns.first(), host.first(), ns.count());
            out.key("lxc.idmap", line);
        }
    }
}

fn root(out: &mut Lines, stage: &Stage) {
    out.section("Root");
    // "dir:" keeps LXC from guessing what kind of storage it is.
    out.key("lxc.rootfs.path", format_args!("dir:{}", stage.root()));
    out.key("lxc.rootfs.mount", stage.mount().value());
}

fn groups(out: &mut Lines, id: &ContainerName) {
    out.section("Control groups, below the one the monitor was started in");
    // Given a name LXC fails if there is such a group; left alone it would take <name>-1.
    out.key("lxc.cgroup.dir.container", format_args!("lxc.payload.{id}"));
    out.key("lxc.cgroup.dir.monitor", format_args!("lxc.monitor.{id}"));
    out.key("lxc.cgroup.relative", 1);
    // A container without its monitor could be neither entered nor stopped in order.
    out.key("lxc.monitor.signal.pdeath", "SIGKILL");
}

fn mounts(out: &mut Lines, config: &ContainerConfig) {
    out.section("Mounts");
    // Writable: in a user namespace the kernel itself guards what is not the guest's.
    out.key("lxc.mount.auto", "cgroup:mixed proc:rw sys:rw");
    let run = config.quirks.mounts_run.then_some(RUN);
    let shm = config.quirks.mounts_shm.then_some(SHM);
    let nesting = match config.nesting {
        Nesting::Refused => &[][..],
        Nesting::Allowed => NESTING,
    };
    let fixed = MOUNTS.iter().copied().chain(run).chain(shm);
    let fixed = fixed.chain(nesting.iter().copied()).map(str::to_owned);
    let own = config.mounts.iter().map(MountEntry::line);
    for line in fixed.chain(own) {
        out.key("lxc.mount.entry", line);
    }
}

fn devices(out: &mut Lines, config: &ContainerConfig) {
    out.section("Devices");
    out.key("lxc.autodev", 1);
    out.key("lxc.pty.max", 1024);
    out.key("lxc.tty.max", config.quirks.terminals);
    out.key("lxc.console.logfile", config.console.path.value());
    out.key("lxc.console.size", config.console.bytes);
    out.key("lxc.console.rotate", 1);
}

fn confinement(out: &mut Lines, config: &ContainerConfig) {
    out.section("Confinement");
    out.key("lxc.cap.drop", DROPPED);
    out.key("lxc.seccomp.profile", config.seccomp.value());
    if config.nesting == Nesting::Allowed {
        out.key("lxc.seccomp.allow_nesting", 1);
    }
    if let AppArmor::Profile(profile) = &config.apparmor {
        out.key("lxc.apparmor.profile", profile);
    }
}

fn hooks(out: &mut Lines, stage: &Stage, hooks: &HookProgram) {
    out.section("Hooks");
    out.key("lxc.hook.version", 1);
    // LXC hands this to a shell. It ends with a digit, so LXC takes no quotes off.
    let helper = stage.helper().shell_word();
    let (socket, mark) = (hooks.socket.shell_word(), hooks.reboot_mark.shell_word());
    let patience = hooks.patience_ms;
    for hook in HookName::ALL {
        let wanted = match hook {
            HookName::PostStop => true,
            HookName::StartHost => hooks.start_host,
            HookName::PreMount => hooks.pre_mount,
            HookName::Mount => hooks.mount,
        };
        if wanted {
            let command = format_args!("{helper} hook {socket} {mark} {patience}");
            out.key(format_args!("lxc.hook.{}", hook.as_str()), command);
        }
    }
}

fn raw(out: &mut Lines, config: &ContainerConfig) {
    if config.raw.lines().next().is_none() {
        return;
    }
    out.section("Raw, as the administrator gave it");
    for (key, value) in config.raw.lines() {
        // Checked when it was set; LXC would trim a value that is not quoted.
        let value = value.and_then(|value| Value::new(value).ok());
        out.key(
            key,
            value.map_or_else(String::new, |value| value.to_string()),
        );
    }
}
