use std::io::{Read, Write as _};

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

/// Even a descriptor that is not marked close-on-exec.
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
