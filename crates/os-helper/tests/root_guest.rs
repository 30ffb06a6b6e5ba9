//! What is written inside real guests, hostile ones too.
#![expect(clippy::disallowed_methods, reason = "tests write plain files")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what tests share is no test to clippy"
)]

#[path = "root_start/rig.rs"]
mod rig;

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use os_cmd::os_helper::{Helper, HelperError};
use os_helper_api::{
    Answer, Dress, GuestJob, GuestReport, GuestTarget, GuestWork, Job, RunningGuest, StoppedGuest,
};
use os_sys::{PidFd, Signal};
use os_types::Failure;
use rustix::fs::{CWD, FileType, Mode, OFlags};

use self::rig::{FIRST_ID, Monitor, Rig};

/// A guest that waits.
const INIT: &str = "echo > /runs; trap '' TERM; while :; do sleep 1000; done";

/// Runs a job in the control groups of `init`; it has to end by itself.
fn helper(rig: &Rig, job: &GuestJob, init: Option<u32>) -> Result<GuestReport, Failure> {
    let helper = Helper::new(env!("CARGO_BIN_EXE_os-helper"));
    let groups = init.map_or_else(Vec::new, |init| rig.tree.join_fds_of(init).unwrap());
    let job = Job::Guest(job.clone());
    match helper.call(job, groups, Duration::from_secs(10)) {
        Ok(Answer::Guest(report)) => Ok(report),
        Err(HelperError::Failed(failure)) => Err(failure),
        other => panic!("{other:?}"),
    }
}

fn clothes() -> GuestWork {
    GuestWork::Dress(Dress {
        distribution: "debian".parse().unwrap(),
        hostname: Some("new.example.org".parse().unwrap()),
        dns_resolvers: vec!["192.0.2.53".parse().unwrap()],
        restore_resolvers: false,
    })
}

fn stopped(rig: &Rig) -> GuestTarget {
    let root = &rig.job.root;
    GuestTarget::Stopped(StoppedGuest {
        root: root.path.clone(),
        uid_map: root.uid_map.clone(),
        gid_map: root.gid_map.clone(),
    })
}

fn running(init: u32) -> GuestTarget {
    GuestTarget::Running(RunningGuest {
        init_pid: init,
        init_start: os_sys::ProcessStat::read(init).unwrap().start_time,
    })
}

fn dress_stopped(rig: &Rig) -> GuestReport {
    let job = GuestJob {
        guest: stopped(rig),
        work: clothes(),
    };
    helper(rig, &job, None).unwrap()
}

fn root(rig: &Rig, name: &str) -> PathBuf {
    rig.pool.at.join("private").join(name)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn end(rig: Rig, monitor: Monitor) {
    let init = PidFd::open(monitor.init).unwrap().expect("init runs");
    assert!(init.send_signal(Signal::KILL).unwrap());
    rig.finish(Some(monitor)).unwrap();
}

#[test]
fn a_stopped_guest_is_dressed() {
    let rig = Rig::new(INIT).unwrap();
    fs::write(
        root(&rig, "etc/hosts"),
        "127.0.0.1 localhost\n192.0.2.9 mine\n",
    )
    .unwrap();
    // A file of another user of the guest stays that user's.
    chown(root(&rig, "etc/hosts"), Some(1000), Some(50)).unwrap();
    let begin = Instant::now();
    let report = dress_stopped(&rig);
    println!("dressed after {:?}", begin.elapsed());
    assert_eq!(
        report.done,
        ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]
    );
    assert_eq!(report.left, [""; 0]);
    let hosts = read(&root(&rig, "etc/hosts"));
    assert!(
        hosts.ends_with("127.0.0.1\tnew.example.org new localhost\n192.0.2.9 mine\n"),
        "{hosts}"
    );
    assert_eq!(read(&root(&rig, "etc/hostname")), "new\n");
    // Unshifted on disk, as all that the guest makes itself.
    let owner = |name: &str| {
        let meta = fs::metadata(root(&rig, name)).unwrap();
        (meta.uid(), meta.gid(), meta.mode() & 0o7777)
    };
    assert_eq!(owner("etc/hostname"), (0, 0, 0o644));
    assert_eq!(owner("etc/hosts"), (1000, 50, 0o644));
    assert_eq!(dress_stopped(&rig), GuestReport::default());
    rig.finish(None).unwrap();
}

/// Roots that want the host's files to be read, written, or the helper to hang.
#[test]
fn hostile_roots() {
    let rig = Rig::new(INIT).unwrap();
    let beside = rig.pool.at.join("host-file");
    fs::write(&beside, "the host's\n").unwrap();
    let etc = root(&rig, "etc");
    let clean = || {
        match fs::symlink_metadata(&etc) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&etc).unwrap(),
            Ok(_) => fs::remove_file(&etc).unwrap(),
            Err(_) => {}
        }
        fs::create_dir(&etc).unwrap();
    };
    let names = ["hostname", "hosts", "resolv.conf"];
    let each = |make: &dyn Fn(&Path)| {
        clean();
        for name in names {
            make(&etc.join(name));
        }
        dress_stopped(&rig)
    };

    // Links out of the root: followed by none, and never by what is written.
    for target in [
        "../../host-file",
        "/host-file",
        "../../../../../../host-file",
    ] {
        let report = each(&|path| symlink(target, path).unwrap());
        assert_eq!(
            report.done,
            ["/etc/hostname", "/etc/resolv.conf"],
            "{target}"
        );
        assert_eq!(report.left, ["/etc/hosts was left alone: it is a symlink"]);
    }
    let report = each(&|path| {
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
    });
    assert_eq!((report.done.len(), report.left.len()), (0, 3), "{report:?}");
    // The host's root can make a device here; the guest's mount does not open one.
    let report = each(&|path| {
        let (mode, null) = (Mode::from_raw_mode(0o666), rustix::fs::makedev(1, 3));
        rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, mode, null).unwrap();
    });
    assert_eq!((report.done.len(), report.left.len()), (0, 3), "{report:?}");
    let report = each(&|path| fs::create_dir(path).unwrap());
    assert_eq!((report.done.len(), report.left.len()), (0, 3), "{report:?}");
    let report = each(&|path| File::create(path).unwrap().set_len(1 << 40).unwrap());
    assert_eq!((report.done.len(), report.left.len()), (0, 3), "{report:?}");
    let report = each(&|path| {
        fs::write(path, "mine\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
    });
    assert_eq!((report.done.len(), report.left.len()), (0, 3), "{report:?}");
    for name in names {
        assert_eq!(read(&etc.join(name)), "mine\n");
    }

    // A directory that leads out leads to the root of the guest.
    for target in ["/", "..", "../..", "/../../.."] {
        fs::remove_dir_all(&etc)
            .or_else(|_| fs::remove_file(&etc))
            .unwrap();
        symlink(target, &etc).unwrap();
        let report = dress_stopped(&rig);
        for name in names {
            assert!(root(&rig, name).is_file(), "{target} {name} {report:?}");
            assert!(!rig.pool.at.join(name).exists(), "{target} {name}");
            fs::remove_file(root(&rig, name)).unwrap();
        }
    }
    fs::remove_file(&etc).unwrap();
    let report = dress_stopped(&rig);
    assert_eq!((report.done.len(), report.left.len()), (0, 3), "{report:?}");

    assert_eq!(read(&beside), "the host's\n");
    fs::create_dir(&etc).unwrap();
    rig.finish(None).unwrap();
}

/// What the root of a stopped guest is not: a link to somewhere else, or what its map does not reach.
#[test]
fn a_root_that_is_no_folder() {
    let rig = Rig::new(INIT).unwrap();
    let link = rig.path("link");
    symlink(&rig.job.root.path, &link).unwrap();
    let GuestTarget::Stopped(guest) = stopped(&rig) else {
        unreachable!("it is stopped");
    };
    let job = GuestJob {
        guest: GuestTarget::Stopped(StoppedGuest {
            root: link.clone(),
            ..guest
        }),
        work: clothes(),
    };
    let Err(why) = helper(&rig, &job, None) else {
        panic!("a link was followed");
    };
    assert!(why.message.contains(link.to_str().unwrap()), "{why}");
    rig.finish(None).unwrap();
}

#[test]
fn a_running_guest_is_dressed_and_called() {
    let rig = Rig::new(INIT).unwrap();
    let monitor = rig.start().unwrap();
    rig.guest_file("runs").unwrap();
    let job = GuestJob {
        guest: running(monitor.init),
        work: clothes(),
    };
    let begin = Instant::now();
    let report = helper(&rig, &job, Some(monitor.init)).unwrap();
    println!("dressed after {:?}", begin.elapsed());
    assert_eq!(
        report.done,
        ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]
    );
    assert_eq!(report.left, [""; 0]);
    let meta = fs::metadata(root(&rig, "etc/hosts")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (0, 0));
    let said = rig.lxc("lxc-attach", &["--", "/bin/busybox", "hostname"]);
    assert_eq!(said.unwrap().text(), "new\n");
    assert_ne!(os_sys::hostname(), "new");

    // Another process of that number is not entered.
    let GuestTarget::Running(guest) = running(monitor.init) else {
        unreachable!("it runs");
    };
    let other = GuestJob {
        guest: GuestTarget::Running(RunningGuest {
            init_start: guest.init_start + 1,
            ..guest
        }),
        work: clothes(),
    };
    let Err(why) = helper(&rig, &other, Some(monitor.init)) else {
        panic!("another process was entered");
    };
    assert_eq!(why.message, "the container does not run any more");
    end(rig, monitor);
}

/// A terminal of the guest.
struct Terminal {
    /// As its user sees it.
    master: File,
    /// As programs write to it.
    slave: File,
    /// Below `/dev`.
    name: String,
}

fn terminal(init: u32) -> Terminal {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |name: &str| -> OwnedFd {
        let path = format!("/proc/{init}/root/dev/{name}");
        rustix::fs::open(path, flags, Mode::empty()).unwrap()
    };
    let master = open("pts/ptmx");
    rustix::pty::unlockpt(&master).unwrap();
    let slave = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let name = slave.to_str().unwrap().strip_prefix("/dev/").unwrap();
    // A user of the guest has it, as after a login.
    let path = format!("/proc/{init}/root/dev/{name}");
    chown(path, Some(FIRST_ID + 1000), Some(FIRST_ID + 5)).unwrap();
    Terminal {
        master: master.into(),
        slave: open(name).into(),
        name: name.to_owned(),
    }
}

fn seen(terminal: &Terminal) -> String {
    let mut text = [0; 8192];
    match (&terminal.master).read(&mut text) {
        Ok(count) => String::from_utf8_lossy(&text[..count]).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => String::new(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn users_are_told() {
    let rig = Rig::new(INIT).unwrap();
    let monitor = rig.start().unwrap();
    rig.guest_file("runs").unwrap();
    let (first, second) = (terminal(monitor.init), terminal(monitor.init));
    let job = GuestJob {
        guest: running(monitor.init),
        work: GuestWork::Tell {
            message: "down in 5 min".to_owned(),
        },
    };
    let tell = || helper(&rig, &job, Some(monitor.init)).unwrap();

    // Without utmp everybody, at the console too.
    let report = tell();
    for name in ["pts/0", &first.name, &second.name] {
        assert!(report.done.contains(&format!("/dev/{name}")), "{report:?}");
    }
    assert_eq!(report.left, [""; 0]);
    for terminal in [&first, &second] {
        let text = seen(terminal);
        assert!(text.contains("Message from the host machine:"), "{text:?}");
        // The terminal itself puts a carriage return before a line's end, too.
        assert!(text.contains("\ndown in 5 min\r"), "{text:?}");
    }

    // With it only who is logged in.
    let length = if cfg!(target_arch = "x86_64") {
        384
    } else {
        400
    };
    let mut entry = vec![0_u8; length];
    entry[0] = 7;
    entry[8..8 + second.name.len()].copy_from_slice(second.name.as_bytes());
    fs::write(root(&rig, "run/utmp"), &entry).unwrap();
    let report = tell();
    assert_eq!(report.done, [format!("/dev/{}", second.name)], "{report:?}");
    assert_eq!(seen(&first), "");
    assert!(seen(&second).contains("down in 5 min"));

    // A user who has stopped the output is not waited for long.
    rustix::termios::tcflow(&second.slave, rustix::termios::Action::OOff).unwrap();
    let begin = Instant::now();
    let report = tell();
    assert_eq!(report.done, [""; 0]);
    assert!(report.left[0].contains("was not told"), "{report:?}");
    assert!(begin.elapsed() < Duration::from_secs(20));
    drop((first, second));
    end(rig, monitor);
}
