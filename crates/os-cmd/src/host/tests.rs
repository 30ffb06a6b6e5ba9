use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::*;

fn shell(script: &str) -> Invocation {
    Invocation::new("sh")
        .args(["-c", script])
        .deadline(Duration::from_secs(20))
}

fn run(invocation: Invocation) -> Result<Output, CommandError> {
    HostRunner::new().run(invocation)
}

#[test]
fn captures_both_streams() {
    let output = run(shell("echo out; echo err >&2")).unwrap();
    assert_eq!(
        (output.text().as_str(), output.stderr.as_str()),
        ("out\n", "err\n")
    );
}

#[test]
fn environment_is_clean() {
    let output = run(Invocation::new("env")).unwrap();
    assert_eq!(
        output.text(),
        "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
    );
}

#[test]
fn more_than_a_pipe_holds_goes_both_ways() {
    let bytes = vec![b'x'; 1 << 20];
    let output = run(Invocation::new("cat").stdin(Input::Bytes(bytes.clone()))).unwrap();
    assert_eq!(output.stdout, bytes);
}

#[test]
fn a_program_may_leave_its_input_unread() {
    run(Invocation::new("true").stdin(Input::Bytes(vec![0; 1 << 20]))).unwrap();
}

#[test]
fn failure_names_program_status_and_stderr() {
    let error = run(shell("echo 'no way' >&2; exit 3")).unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        "`sh -c 'echo '\\''no way'\\'' >&2; exit 3'` failed (exit status: 3): no way"
    );
}

#[test]
fn missing_program_and_slashes_are_not_found() {
    for name in ["no-such-program", "/bin/no-such", "../bin/sh"] {
        match run(Invocation::new(name)) {
            Err(CommandError::NotFound { program, .. }) => assert_eq!(program, name),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn standard_error_is_bounded_to_its_tail() {
    let error = run(shell(
        "yes 1234567 | head -c 100000 >&2; echo last >&2; exit 1",
    ))
    .unwrap_err();
    assert_eq!(error.stderr().len(), 8 << 10);
    assert!(error.stderr().ends_with("last\n"));
}

#[test]
fn too_much_output_is_an_error() {
    let error = run(Invocation::new("yes").output_limit(1000)).unwrap_err();
    assert!(
        matches!(error, CommandError::TooMuchOutput { limit: 1000, .. }),
        "{error}"
    );
}

/// A file that only a living process keeps locked tells whether a grandchild is really dead.
fn flocked(path: &std::path::Path) -> bool {
    let lock = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    File::open(path).is_ok_and(|file| rustix::fs::flock(&file, lock).is_err())
}

#[test]
fn deadline_kills_grandchildren() {
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock");
    let script = format!(
        "exec 9>{0}; flock 9; (sleep 60 & wait) & wait",
        lock.display()
    );
    let start = Instant::now();
    let error = run(shell(&script).deadline(Duration::from_millis(300))).unwrap_err();
    assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
    let end = Instant::now() + Duration::from_secs(30);
    while flocked(&lock) {
        assert!(Instant::now() < end, "a grandchild survived");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn grandchild_that_keeps_the_stream_is_bounded_too() {
    let script = "sleep 60 & echo started";
    let error = run(shell(script).deadline(Duration::from_millis(300))).unwrap_err();
    assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
}

#[test]
fn streams_from_a_program() {
    let invocation = shell("head -c 1000000 /dev/zero; echo note >&2");
    let mut running = HostRunner::new()
        .start(invocation, Flow::FromProgram)
        .unwrap();
    let mut bytes = Vec::new();
    running.read_to_end(&mut bytes).unwrap();
    running.finish().unwrap();
    assert_eq!(bytes.len(), 1_000_000);
}

#[test]
fn streams_into_a_program_and_reports_its_failure() {
    let invocation = shell("cat >/dev/null; echo broken >&2; exit 4");
    let mut running = HostRunner::new()
        .start(invocation, Flow::IntoProgram)
        .unwrap();
    running.write_all(&vec![1; 1 << 20]).unwrap();
    let error = running.finish().unwrap_err();
    assert_eq!(error.stderr(), "broken\n");
}

#[test]
fn a_silent_stream_times_out_and_drop_kills() {
    let invocation = shell("sleep 60").deadline(Duration::from_millis(100));
    let mut running = HostRunner::new()
        .start(invocation, Flow::FromProgram)
        .unwrap();
    let error = running.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let start = Instant::now();
    drop(running);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_cancelled_program_is_killed_with_its_group() {
    let (hang_up, writer) = io::pipe().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock");
    // The child of the shell holds the lock: its end is the end of the whole group.
    let script = format!("exec 9>{}; flock 9; sleep 60 & sleep 60", lock.display());
    let invocation = shell(&script).cancel_on(hang_up.into());
    let end = Instant::now() + Duration::from_secs(30);
    let error = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(invocation));
        while !flocked(&lock) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(writer);
        running.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, CommandError::Cancelled { .. }), "{error}");
    while flocked(&lock) {
        assert!(Instant::now() < end, "a grandchild survived");
        std::thread::sleep(Duration::from_millis(5));
    }
}
