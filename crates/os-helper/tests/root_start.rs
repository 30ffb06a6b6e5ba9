//! Real containers through `os-helper start`.
#![expect(clippy::disallowed_methods, reason = "tests write plain files")]

#[path = "root_start/rig.rs"]
mod rig;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::time::Instant;

use os_lxc::HookName;
use os_sys::{PidFd, Signal, SysError, patience};

use self::rig::{Disk, FIRST_ID, Monitor, PATIENCE, Rig, UGID};

/// Tells what it sees, and waits.
const INIT: &str = "
trap '' TERM
{
  echo \"args $1\"
  echo \"uid $(id -u)\"
  echo \"uptime $(cat /proc/uptime)\"
  echo \"host $(cat /proc/sys/kernel/hostname)\"
  echo \"lo $(ip -o link show lo)\"
  echo \"limit $(ulimit -n) $(ulimit -Hn)\"
} > /seen.new
mount > /mounts
echo hello > /dev/console
busybox mv /seen.new /seen
while :; do sleep 1000; done";

/// Waits for a text on the console: the monitor writes its log on its own time.
fn says_on_console(rig: &Rig, text: &str) {
    let log = rig.path("console/log");
    let seen = patience::until(PATIENCE, || {
        let found = fs::read_to_string(&log).ok();
        Ok::<_, std::io::Error>(found.filter(|it| it.contains(text)))
    });
    assert!(matches!(seen, Ok(Some(_))), "no {text:?} in {}", rig.log());
}

#[test]
fn a_container_runs_and_vanishes() {
    let rig = Rig::new(INIT).unwrap();
    fs::create_dir(rig.path("other")).unwrap();
    let unrelated = Disk::new(&rig.path("other"), "unrelated").unwrap();
    let begin = Instant::now();
    let monitor = rig.start().unwrap();
    let started = begin.elapsed();
    let seen = rig.guest_file("seen").unwrap();
    println!(
        "init about to run after {started:?}, first file after {:?}",
        begin.elapsed()
    );
    println!("{seen}\n{}", rig.guest_file("mounts").unwrap());
    println!("{}", rig.config.render());
    let field = |name: &str| {
        let line = seen.lines().find_map(|it| it.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}in {seen}"))
            .trim()
            .to_owned()
    };
    assert_eq!(field("args "), "a b");
    assert_eq!(field("uid "), "0");
    assert_eq!(field("host "), "web.example.org");
    assert_eq!(field("limit "), "1000 2000");
    assert!(field("lo ").contains("UP"), "{seen}");
    let uptime: f64 = field("uptime ").split(' ').next().unwrap().parse().unwrap();
    assert!(uptime < 20.0, "{uptime}");

    // Unshifted on disk, shifted as a process.
    let made = fs::metadata(rig.pool.at.join("private/seen")).unwrap();
    assert_eq!((made.uid(), made.gid()), (0, 0));
    let init = fs::metadata(format!("/proc/{}", monitor.init)).unwrap();
    assert_eq!(init.uid(), FIRST_ID);
    let own = fs::metadata(format!("/proc/{}", monitor.child.pid())).unwrap();
    assert_eq!((own.uid(), own.gid()), (UGID, UGID));
    let log = fs::metadata(rig.pool.at.join("log")).unwrap();
    assert_eq!(
        (log.uid(), log.gid(), log.mode() & 0o7777),
        (0, UGID, 0o660)
    );
    assert!(log.len() > 0);
    says_on_console(&rig, "hello");

    // The whole payload is in its group, in every hierarchy.
    assert!(
        rig.tree
            .procs(&Rig::payload())
            .unwrap()
            .contains(&monitor.init)
    );
    for folder in rig.tree.folders(&Rig::payload()) {
        let procs = fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        assert!(
            procs.lines().any(|it| it == monitor.init.to_string()),
            "{}",
            folder.display()
        );
    }

    // What an administrator uses at night works.
    let info = rig.lxc("lxc-info", &["-s", "-p"]).unwrap().text();
    let words: Vec<_> = info.split_whitespace().collect();
    assert_eq!(
        words,
        ["State:", "RUNNING", "PID:", &monitor.init.to_string()]
    );
    let id = rig
        .lxc("lxc-attach", &["--", "/bin/id", "-u"])
        .unwrap()
        .text();
    assert_eq!(id, "0\n");

    // Nothing of the host is in use by it but its own pool.
    let view = fs::read_to_string(format!("/proc/{}/mountinfo", monitor.child.pid())).unwrap();
    assert!(!view.contains("unrelated"), "{view}");
    // But for the root, into which scripts of the administrator mount.
    let root = rig.config.stage.root();
    let shared: Vec<_> = view.lines().filter(|it| it.contains("shared:")).collect();
    assert!(
        matches!(&shared[..], [one] if one.contains(root.as_str())),
        "{view}"
    );
    unrelated.remove().unwrap();
    kill(monitor.init).unwrap();
    rig.finish(Some(monitor)).unwrap();
}

#[test]
fn a_container_that_reboots_ends_and_says_so() {
    let rig = Rig::new("busybox reboot -f").unwrap();
    let mut monitor = rig.start().unwrap();
    assert!(monitor.child.wait(PATIENCE).unwrap().is_some());
    assert!(rig.path("console/reboot").exists(), "{}", rig.log());
    rig.finish(Some(monitor)).unwrap();
}

/// osctld is away when a guest reboots: the wish is noted.
#[test]
fn a_reboot_without_osctld_is_noted() {
    let script = "echo first > /first
        while ! busybox test -e /go; do busybox usleep 10000; done
        busybox reboot -f";
    let mut rig = Rig::new(script).unwrap();
    rig.config.hooks.patience_ms = 100;
    let monitor = rig.start().unwrap();
    rig.guest_file("first").unwrap();
    fs::remove_file(rig.path("hook.sock")).unwrap();
    fs::write(rig.pool.at.join("private/go"), "").unwrap();
    let mark = rig.path("console/reboot");
    assert!(!mark.exists());
    let mut monitor = monitor;
    monitor.child.wait(PATIENCE).unwrap().unwrap();
    assert!(mark.exists(), "{}", rig.log());
    rig.finish(Some(monitor)).unwrap();
}

/// A monitor that is killed takes its container along: no container runs unsupervised.
#[test]
fn a_container_ends_with_its_monitor() {
    let rig = Rig::new(INIT).unwrap();
    let mut monitor = rig.start().unwrap();
    rig.guest_file("seen").unwrap();
    let init = PidFd::open(monitor.init).unwrap().unwrap();
    assert!(monitor.child.pidfd().send_signal(Signal::KILL).unwrap());
    assert!(init.wait_exit(PATIENCE).unwrap());
    monitor.child.wait(PATIENCE).unwrap().unwrap();
    // Its groups are left, empty: that is osctld's to clean.
    rig.tree.remove(&Rig::group(), PATIENCE).unwrap();
    rig.finish(Some(monitor)).unwrap();
}

/// Hooks inside a container reach osctld too, in the order in which LXC comes to them.
#[test]
fn hooks_inside_a_container() {
    let mut rig = Rig::new("echo > /runs; exec sleep 1000").unwrap();
    rig.config.hooks.pre_mount = true;
    rig.config.hooks.mount = true;
    let child = rig.launch().unwrap().unwrap();
    let next = || {
        rig.messages
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("{}", rig.log()))
    };
    let said: Vec<_> = [next(), next(), next()].into();
    let hooks: Vec<_> = said.iter().map(|message| message.hook).collect();
    assert_eq!(
        hooks,
        [HookName::PreMount, HookName::Mount, HookName::StartHost]
    );
    let init = said.iter().find_map(|message| message.init_pid).unwrap();
    rig.guest_file("runs").unwrap();
    kill(init).unwrap();
    rig.finish(Some(Monitor { child, init })).unwrap();
}

/// If init dies before it is run LXC 5.0 waits for it forever: it holds the other end of the socket
/// itself. So killing a container has to kill its monitor, too.
#[test]
fn a_container_killed_before_init_runs() {
    let rig = Rig::new("exec sleep 1000").unwrap();
    let mut monitor = rig.start().unwrap();
    rig.tree.kill(&Rig::group(), PATIENCE).unwrap();
    monitor
        .child
        .wait(PATIENCE)
        .unwrap()
        .expect("it was killed");
    rig.tree.remove(&Rig::group(), PATIENCE).unwrap();
    rig.finish(Some(monitor)).unwrap();
}

/// The hook before comes all the same: init runs only once its program is another than LXC's.
#[test]
fn an_init_that_is_not_there() {
    let mut rig = Rig::new("").unwrap();
    rig.job.init = vec!["/nope".to_owned()];
    let mut monitor = rig.start().unwrap();
    let status = monitor.child.wait(PATIENCE).unwrap().expect("it ends");
    assert!(!status.success());
    let log = fs::read_to_string(rig.pool.at.join("log")).unwrap();
    let errors = os_lxc::log::errors(&log);
    assert_eq!(
        errors[0], "No such file or directory - Failed to exec \"/nope\"",
        "{log}"
    );
    rig.finish(Some(monitor)).unwrap();
}

#[test]
fn what_prevents_a_start_is_reported() {
    let mut rig = Rig::new(INIT).unwrap();
    let private = rig.job.root.path.clone();
    let link = rig.path("link");
    symlink(&private, &link).unwrap();
    rig.job.root.path.clone_from(&link);
    let failed = |rig: &Rig| rig.launch().unwrap().expect_err("it was started");
    let failure = failed(&rig);
    assert_eq!(failure.object.as_deref(), link.to_str(), "{failure:?}");
    assert!(failure.message.contains("(os error 20)"), "{failure:?}");
    rig.job.root.path = private;
    rig.job.lxc_program = "/usr/bin/there-is-none".into();
    let failure = failed(&rig);
    assert_eq!(
        failure.message,
        "cannot run /usr/bin/there-is-none: No such file or directory (os error 2)"
    );
    rig.job.rlimits.clear();
    rig.job.init.clear();
    assert_eq!(failed(&rig).message, "there is no command to run");
    rig.finish(None).unwrap();
}

/// Kills the container's init.
fn kill(pid: u32) -> Result<(), SysError> {
    let process = PidFd::open(pid)?.expect("init runs");
    assert!(process.send_signal(Signal::KILL)?);
    assert!(process.wait_exit(PATIENCE)?);
    Ok(())
}
