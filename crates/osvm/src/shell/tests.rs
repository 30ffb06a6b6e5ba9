//! The protocol with the host's own shells at the other end, on a pipe and on a terminal.

use os_sys::{Child, Signal, SpawnRequest};

use super::*;
use crate::host;

const LONG: Duration = Duration::from_secs(20);

/// A shell of the host on a pipe and a file; killed at the end.
struct Peer {
    child: Child,
    shell: Shell,
    _dir: tempfile::TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.signal_group(Signal::KILL).unwrap();
        self.child.wait(LONG).unwrap();
    }
}

/// `program` reads the pipe and writes to the file.
fn peer(program: &str, args: &[&str]) -> Peer {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    host::make_pipe(&input).unwrap();
    let said = File::create(&output).unwrap();
    // Opened for reading and writing, a FIFO does not block.
    let both = File::options().read(true).write(true).open(&input).unwrap();
    let shell = Shell::connect(&input, &output).unwrap();
    let request = SpawnRequest::new(program)
        .args(args)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(File::open(&input).unwrap())
        .stderr(said.try_clone().unwrap())
        .stdout(said);
    drop(both);
    let child = os_sys::spawn(request).unwrap();
    Peer {
        child,
        shell,
        _dir: dir,
    }
}

/// The shells that there may be in a guest.
fn peers() -> Vec<Peer> {
    let busybox = host::find_program("busybox", "busybox-static").unwrap();
    let busybox = busybox.to_str().unwrap();
    vec![
        peer("/bin/dash", &[]),
        peer("/bin/dash", &["-i"]),
        peer("/bin/bash", &["-i"]),
        peer(busybox, &["sh"]),
        // A terminal as it comes: cooked, with echo, prompts and, in busybox, line editing.
        peer("/usr/bin/script", &["-qc", "/bin/dash", "/dev/null"]),
        peer(
            "/usr/bin/script",
            &["-qc", &format!("{busybox} sh"), "/dev/null"],
        ),
    ]
}

fn run(peer: &mut Peer, script: &str, input: &[u8]) -> Ran {
    peer.shell
        .run(script.as_bytes(), input, LONG, LONG)
        .unwrap()
}

fn ended(status: i32, output: impl AsRef<[u8]>) -> Ran {
    Ran::Ended(status, output.as_ref().to_owned())
}

// They need root because the files of the protocol are in /dev.

#[test]
fn root_any_shell_runs_any_text() {
    let text = "printf '%s\\n' \"it's\" '@osvm-' \"$((1 + 1))\" >&2; cat <<'X'\n\tä $HOME `\u{3}\u{4}\nX\n(exit 3)";
    for mut peer in peers() {
        let expected = "it's\n@osvm-\n2\n\tä $HOME `\u{3}\u{4}\n";
        assert_eq!(run(&mut peer, text, b""), ended(3, expected));
        assert_eq!(run(&mut peer, "exit 7", b""), ended(7, ""));
        assert_eq!(run(&mut peer, "true", b""), ended(0, ""));
    }
}

#[test]
fn root_bytes_come_back_as_they_were() {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(20_000).collect();
    for mut peer in peers() {
        assert_eq!(run(&mut peer, "cat", &bytes), ended(0, &bytes));
    }
}

#[test]
fn root_late_command_is_killed_and_the_shell_goes_on() {
    let mut peer = peer("/bin/dash", &[]);
    let limit = Duration::from_secs(3);
    let late = peer
        .shell
        .run(b"echo begun; exec sleep 60", b"", limit, LONG);
    assert_eq!(late.unwrap(), Ran::Killed(b"begun\n".to_vec()));
    assert_eq!(run(&mut peer, "echo again", b""), ended(0, "again\n"));
}

#[test]
fn root_what_runs_in_the_background_holds_nothing_up() {
    let mut peer = peer("/bin/dash", &[]);
    let begin = Instant::now();
    assert_eq!(run(&mut peer, "sleep 30 & echo $?", b""), ended(0, "0\n"));
    assert!(begin.elapsed() < LONG);
}

#[test]
fn root_shell_that_is_silent_is_waited_for() {
    let mut peer = peer("/bin/dash", &[]);
    peer.child.signal_group(Signal::STOP).unwrap();
    let soon = Duration::from_millis(200);
    let silent = peer.shell.run(b"true", b"", soon, soon);
    assert!(matches!(silent, Err(Fault::Silence)), "{silent:?}");
    peer.child.signal_group(Signal::CONT).unwrap();
    assert_eq!(run(&mut peer, "echo here", b""), ended(0, "here\n"));
}

#[test]
fn root_end_of_the_line_is_seen_at_once() {
    let mut peer = peer("/bin/dash", &[]);
    let closed = peer.shell.run(
        b"kill -9 $(cut -d' ' -f4 /proc/$PPID/stat)",
        b"",
        LONG,
        LONG,
    );
    assert!(matches!(closed, Err(Fault::Closed)), "{closed:?}");
}

#[test]
fn answer_without_its_parts_is_none() {
    let begin = b"@osvm-T:status ";
    assert_eq!(
        parse(b"@osvm-T:status 3\r\nZg==\r\n", begin),
        Some((3, b"f".to_vec()))
    );
    for bad in [
        "",
        "@osvm-T:status ",
        "@osvm-T:status x\n",
        "@osvm-T:status 0\nZg",
        "0\nZg==",
    ] {
        assert_eq!(parse(bad.as_bytes(), begin), None, "{bad}");
    }
}
