use std::io::{Read, Write as _};
use std::path::Path;

use super::*;

const LONG: Duration = Duration::from_secs(10);

fn output_of(request: SpawnRequest) -> String {
    let (mut read, write) = io::pipe().unwrap();
    let mut child = spawn(request.stdout(write)).unwrap();
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    assert!(child.wait(LONG).unwrap().unwrap().success());
    text
}

fn shell(script: &str) -> SpawnRequest {
    SpawnRequest::new("/bin/sh").arg("-c").arg(script)
}

#[test]
fn environment_is_only_what_was_given() {
    let text = output_of(SpawnRequest::new("/usr/bin/env").env("A", "b"));
    assert_eq!(text, "A=b\n");
}

#[test]
fn child_leads_its_session() {
    let text = output_of(shell(
        "read -r p c s pp g sid r < /proc/self/stat; echo $p $g $sid",
    ));
    let fields: Vec<_> = text.split_whitespace().collect();
    assert_eq!(fields, [fields[0]; 3]);
}

#[test]
fn no_signal_is_blocked() {
    // As the daemon inherits it where runit starts it.
    let start = || {
        let mut set = child::no_signals();
        // SAFETY: the pointer is to a set of this frame.
        unsafe { libc::sigaddset(&raw mut set, libc::SIGPWR) };
        // SAFETY: as above; it changes this thread alone.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        output_of(shell("grep SigBlk /proc/self/status"))
    };
    let mask = std::thread::spawn(start).join().unwrap();
    assert_eq!(mask, "SigBlk:\t0000000000000000\n");
}

#[test]
fn dies_with_the_thread_that_started_it() {
    let request = || SpawnRequest::new("/bin/sleep").arg("60");
    let start = move || {
        let bound = spawn(request().dies_with_thread()).unwrap();
        (bound, spawn(request()).unwrap())
    };
    let (mut bound, mut free) = std::thread::spawn(start).join().unwrap();
    let status = bound.wait(LONG).unwrap().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9)
    );
    assert!(free.wait(Duration::ZERO).unwrap().is_none());
    assert!(free.signal_group(Signal::KILL).unwrap());
    free.wait(LONG).unwrap().unwrap();
}

/// Even one that nobody has marked close-on-exec.
#[test]
fn no_descriptor_of_the_caller_is_left_but_those_passed() {
    let (read, write) = io::pipe().unwrap();
    rustix::io::fcntl_setfd(&write, rustix::io::FdFlags::empty()).unwrap();
    let words = File::from(OwnedFd::from(tempfile::tempfile().unwrap()));
    (&words).write_all(b"passed").unwrap();
    let script =
        "n=0; while [ $n -lt 100 ]; do [ ! -e /proc/$$/fd/$n ] || echo $n; n=$((n+1)); done;
        cat /proc/self/fd/3";
    let request = shell(script).env("PATH", "/usr/bin:/bin").pass(words);
    assert_eq!(output_of(request), "0\n1\n2\n3\npassed");
    drop((read, write));
}

#[test]
fn an_image_is_executed_by_its_descriptor() {
    let image = Arc::new(OwnedFd::from(File::open("/bin/echo").unwrap()));
    let request = SpawnRequest::new("/no/such/program").image(image).arg("x");
    assert_eq!(output_of(request), "x\n");
}

/// Descriptors whose numbers are the places of others.
#[test]
fn places_are_not_overwritten() {
    let files: Vec<OwnedFd> = (0..6)
        .map(|number: u8| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&[b'a' + number]).unwrap();
            file.into()
        })
        .collect();
    let script = "for n in 3 4 5 6 7 8; do cat /proc/self/fd/$n; done";
    let request = shell(script).env("PATH", "/usr/bin:/bin");
    let request = files.into_iter().rev().fold(request, SpawnRequest::pass);
    assert_eq!(output_of(request), "fedcba");
}

#[test]
fn failures_leave_no_child_and_no_descriptor() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for _ in 0..200 {
        spawn(SpawnRequest::new("/no/such/program")).unwrap_err();
        spawn(shell("exit 0").directory("/no/such/directory")).unwrap_err();
    }
    // Other tests of this process open some, but not hundreds.
    assert!(open() < before + 100);
}

#[test]
fn missing_program_is_enoent() {
    match spawn(SpawnRequest::new("/no/such/program")) {
        Err(SpawnError::Start { source, .. }) => {
            assert_eq!(source.kind(), io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
}

/// A cgroup of this test alone, removed at its end.
struct Cgroup(PathBuf);

impl Cgroup {
    fn make(controller: &str, of: &str) -> Self {
        let name = format!("os-sys-test-{of}-{}", std::process::id());
        let path = Path::new("/sys/fs/cgroup").join(controller).join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn procs(&self) -> File {
        File::options()
            .write(true)
            .open(self.0.join("cgroup.procs"))
            .unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir(&self.0) {
            eprintln!("{}: {e}", self.0.display());
        }
    }
}

/// Folders below the cgroup mount that hold a hierarchy; at least two on a hybrid host.
fn hierarchies() -> Vec<&'static str> {
    let known = ["pids", "freezer", "unified"];
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.procs").exists() {
        vec!["."]
    } else {
        known
            .into_iter()
            .filter(|h| root.join(h).join("cgroup.procs").exists())
            .collect()
    }
}

#[test]
fn root_child_is_in_its_cgroups_before_exec() {
    let cgroups: Vec<_> = hierarchies()
        .into_iter()
        .map(|h| Cgroup::make(h, "root"))
        .collect();
    assert!(
        !cgroups.is_empty(),
        "no cgroup hierarchy below /sys/fs/cgroup"
    );
    let request = cgroups
        .iter()
        .fold(shell("cat /proc/self/cgroup"), |r, c| r.cgroup(c.procs()));
    let text = output_of(request);
    let name = format!("/os-sys-test-root-{}", std::process::id());
    assert_eq!(text.matches(&name).count(), cgroups.len(), "{text}");
}

#[test]
fn unwritable_cgroup_is_an_error_and_no_child() {
    let file = File::open("/dev/null").unwrap();
    match spawn(shell("exit 0").cgroup(file)) {
        Err(SpawnError::Start { source, .. }) => {
            assert_eq!(source.raw_os_error(), Some(libc::EBADF));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn group_signal_reaches_grandchildren_until_reaped() {
    let (mut read, write) = io::pipe().unwrap();
    let mut child = spawn(shell("sleep 60 & exec sleep 60").stdout(write)).unwrap();
    assert!(child.signal_group(Signal::KILL).unwrap());
    // End of file only once every holder of the pipe is dead.
    assert_eq!(read.read(&mut [0]).unwrap(), 0);
    let status = child.wait(LONG).unwrap().unwrap();
    assert!(!child.signal_group(Signal::KILL).unwrap());
    assert_eq!(child.wait(LONG).unwrap(), Some(status));
}

#[test]
fn root_child_of_another_user_joins_cgroups_of_root() {
    let cgroups: Vec<_> = hierarchies()
        .into_iter()
        .map(|h| Cgroup::make(h, "user"))
        .collect();
    let request = cgroups.iter().fold(
        shell("id -u; id -g; id -G; cat /proc/self/cgroup"),
        |r, c| r.cgroup(c.procs()),
    );
    let text = output_of(request.user(65_533).env("PATH", "/usr/bin:/bin"));
    assert!(text.starts_with("65533\n65533\n65533\n"), "{text}");
    let name = format!("/os-sys-test-user-{}", std::process::id());
    assert_eq!(text.matches(&name).count(), cgroups.len(), "{text}");
}
