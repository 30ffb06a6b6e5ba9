//! `ct exec` against a helper that is made here: the protocol of ADR-9, from its other end.
#![expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use os_api::exec::{ClientFrame, ExecRequest, HelperFrame};
use os_sys::{receive_frame, send_frame};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tempfile::TempDir;

/// More than all pipes on the way hold.
const MUCH: usize = 20 << 20;

/// A daemon that knows `/v1/exec` only.
struct Daemon {
    root: TempDir,
    asked: Receiver<ExecRequest>,
}

impl Daemon {
    /// Hands each command to `helper`, as soon as its first frame is there.
    fn start(helper: impl Fn(UnixStream, ClientFrame, Vec<OwnedFd>) + Send + 'static) -> Self {
        let root = TempDir::new().unwrap();
        let run = root.path().join("run/osctl");
        std::fs::create_dir_all(&run).unwrap();
        let listener = UnixListener::bind(run.join("osctld.sock")).unwrap();
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                sender.send(upgrade(&stream)).unwrap();
                let (body, fds) = receive_frame(&stream).unwrap().unwrap();
                helper(stream, serde_json::from_slice(&body).unwrap(), fds);
            }
        });
        Self { root, asked }
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osctl"));
        command
            .arg("ct")
            .args(line)
            .env("OSCTL_ROOT", self.root.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, line: &[&str]) -> Output {
        let mut child = self.command(line).spawn().unwrap();
        drop(child.stdin.take());
        child.wait_with_output().unwrap()
    }
}

/// Reads the request and answers 101.
fn upgrade(mut stream: &UnixStream) -> ExecRequest {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim_end().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let head = "HTTP/1.1 101 X\r\nupgrade: osctl-exec\r\nconnection: upgrade\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn say(stream: &UnixStream, frame: &HelperFrame) {
    send_frame(stream, &serde_json::to_vec(frame).unwrap(), &[]).unwrap();
}

fn files(fds: Vec<OwnedFd>) -> [std::fs::File; 3] {
    let files: Vec<_> = fds.into_iter().map(std::fs::File::from).collect();
    files.try_into().unwrap()
}

#[test]
fn streams_arrive_whole_and_the_status_is_that_of_the_command() {
    let daemon = Daemon::start(|stream, first, fds| {
        assert_eq!(first, ClientFrame::Streams {});
        let [mut input, mut output, mut errors] = files(fds);
        say(&stream, &HelperFrame::Started {});
        let mut bytes = Vec::new();
        std::io::copy(&mut input, &mut bytes).unwrap();
        bytes.reverse();
        output.write_all(&bytes).unwrap();
        errors.write_all(b"said on the side").unwrap();
        say(&stream, &HelperFrame::Exited { status: 7 });
    });
    let mut child = daemon
        .command(&["exec", "web", "rev", "-x"])
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let sent: Vec<u8> = (0..MUCH).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut expected = sent.clone();
    expected.reverse();
    let writer = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(output.stdout == expected, "{} bytes", output.stdout.len());
    assert_eq!(output.stderr, b"said on the side");
    let request = daemon.asked.recv().unwrap();
    assert_eq!(request.argv, ["rev", "-x"]);
    assert_eq!(request.terminal, None);
}

#[test]
fn the_end_takes_what_is_in_the_pipes_and_waits_for_nobody() {
    let (keep, kept) = channel();
    let daemon = Daemon::start(move |stream, _, fds| {
        let [input, mut output, errors] = files(fds);
        say(&stream, &HelperFrame::Started {});
        output.write_all(b"last words").unwrap();
        say(&stream, &HelperFrame::Exited { status: 0 });
        // A background process has the streams for as long as the test lives.
        keep.send((input, output, errors)).unwrap();
    });
    let output = daemon.run(&["exec", "web", "true"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"last words");
    drop(kept.recv().unwrap());
}

#[test]
fn a_reader_that_goes_closes_the_stream_of_the_command() {
    let daemon = Daemon::start(|stream, _, fds| {
        let [_input, mut output, _errors] = files(fds);
        say(&stream, &HelperFrame::Started {});
        // It fails when the reading end is closed, as `yes` does.
        while output.write_all(b"y\n").is_ok() {}
        say(&stream, &HelperFrame::Killed { signal: 13 });
    });
    let mut child = daemon.command(&["exec", "web", "yes"]).spawn().unwrap();
    let mut first = [0; 2];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"y\n");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(128 + 13));
}

#[test]
fn signals_are_handed_on() {
    let (report, reported) = channel();
    let daemon = Daemon::start(move |stream, _, fds| {
        let [_input, mut output, _errors] = files(fds);
        say(&stream, &HelperFrame::Started {});
        output.write_all(b"ready\n").unwrap();
        for _ in 0..2 {
            let (body, _) = receive_frame(&stream).unwrap().unwrap();
            let frame: ClientFrame = serde_json::from_slice(&body).unwrap();
            report.send(frame).unwrap();
        }
        say(&stream, &HelperFrame::Killed { signal: 15 });
    });
    let mut child = daemon.command(&["exec", "web", "cat"]).spawn().unwrap();
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    for (signal, number) in [(Signal::USR1, 10), (Signal::TERM, 15)] {
        kill(&child, signal);
        let told = reported.recv().unwrap();
        assert_eq!(told, ClientFrame::Signal { signal: number });
    }
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
}

fn kill(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.unwrap(), signal).unwrap();
}

/// A terminal: the end that shows it, and the end of the program that runs in it.
fn terminal() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let master = openpt(flags).unwrap();
    unlockpt(&master).unwrap();
    let slave = ioctl_tiocgptpeer(&master, flags).unwrap();
    (master, slave)
}

/// Starts `ct exec` with a terminal as its input and output.
fn on_terminal(daemon: &Daemon, slave: &OwnedFd) -> Child {
    tcsetwinsize(slave, window(50, 132)).unwrap();
    let mut command = daemon.command(&["exec", "web", "sh"]);
    command.env("TERM", "vt220");
    command.stdin(slave.try_clone().unwrap());
    command.stdout(slave.try_clone().unwrap());
    command.spawn().unwrap()
}

fn modes(slave: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(slave).unwrap())
}

fn window(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Reads until what was read ends with `end`.
fn read_until(from: &OwnedFd, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut byte = [0];
        assert_eq!(rustix::io::read(from, &mut byte).unwrap(), 1, "{text}");
        text.push(char::from(byte[0]));
    }
    text
}

#[test]
fn a_terminal_is_shown_on_ours() {
    let daemon = Daemon::start(|stream, first, fds| {
        assert_eq!((first, fds.len()), (ClientFrame::Terminal {}, 0));
        let (master, slave) = terminal();
        let started = serde_json::to_vec(&HelperFrame::Started {}).unwrap();
        send_frame(&stream, &started, &[master.as_fd()]).unwrap();
        drop(master);
        rustix::io::write(&slave, b"prompt$ ").unwrap();
        let typed = read_until(&slave, "\n");
        rustix::io::write(&slave, format!("you typed {typed}").as_bytes()).unwrap();
        let (body, _) = receive_frame(&stream).unwrap().unwrap();
        let frame: ClientFrame = serde_json::from_slice(&body).unwrap();
        let ClientFrame::Resize { size } = frame else {
            panic!("{frame:?}");
        };
        let told = format!("{} x {}\n", size.rows, size.columns);
        rustix::io::write(&slave, told.as_bytes()).unwrap();
        drop(slave);
        say(&stream, &HelperFrame::Exited { status: 3 });
    });
    let (screen, slave) = terminal();
    let before = modes(&slave);
    let mut child = on_terminal(&daemon, &slave);
    assert_eq!(read_until(&screen, "$ "), "prompt$ ");
    let request = daemon.asked.recv().unwrap();
    let size = request.terminal.unwrap();
    assert_eq!((size.rows, size.columns), (50, 132));
    assert_eq!(request.term.as_deref(), Some("vt220"));
    // Keys go to the guest as they are: it is its terminal that shows them, and that makes a line
    // feed of the key.
    assert!(
        !tcgetattr(&slave)
            .unwrap()
            .local_modes
            .contains(LocalModes::ECHO)
    );
    rustix::io::write(&screen, b"hi\r").unwrap();
    assert_eq!(
        read_until(&screen, "typed hi\r\n"),
        "hi\r\nyou typed hi\r\n"
    );
    tcsetwinsize(&screen, window(20, 70)).unwrap();
    kill(&child, Signal::WINCH);
    assert_eq!(read_until(&screen, "\n"), "20 x 70\r\n");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(modes(&slave), before);
}

#[test]
fn a_terminal_shows_all_that_was_written_before_the_end() {
    let daemon = Daemon::start(|stream, _, _| {
        let (master, slave) = terminal();
        let started = serde_json::to_vec(&HelperFrame::Started {}).unwrap();
        send_frame(&stream, &started, &[master.as_fd()]).unwrap();
        drop(master);
        let mut slave = std::fs::File::from(slave);
        for number in 0..20_000 {
            writeln!(slave, "{number}").unwrap();
        }
        say(&stream, &HelperFrame::Exited { status: 0 });
    });
    let (screen, slave) = terminal();
    let mut child = on_terminal(&daemon, &slave);
    drop(slave);
    let shown = read_until(&screen, "19999\r\n");
    assert_eq!(shown.lines().count(), 20_000);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_terminal_is_given_back_whatever_ends_the_command() {
    let (keep, kept) = channel();
    let daemon = Daemon::start(move |stream, _, _| {
        let (master, slave) = terminal();
        let started = serde_json::to_vec(&HelperFrame::Started {}).unwrap();
        send_frame(&stream, &started, &[master.as_fd()]).unwrap();
        rustix::io::write(&slave, b"prompt$ ").unwrap();
        // The command does not end, as a shell does not that is asked to.
        keep.send((stream, slave)).unwrap();
    });
    for signal in [Signal::TERM, Signal::HUP] {
        let (screen, slave) = terminal();
        // osctl makes it raw as soon as it runs.
        let before = modes(&slave);
        let mut child = on_terminal(&daemon, &slave);
        read_until(&screen, "$ ");
        assert_ne!(modes(&slave), before);
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(128 + signal.as_raw()));
        assert_eq!(modes(&slave), before);
        drop(kept.recv().unwrap());
    }
}

#[test]
fn what_is_not_run_has_its_own_statuses() {
    let daemon = Daemon::start(|stream, _, _| {
        let message = "there is no command \"nope\x1b\" in the container".to_owned();
        say(
            &stream,
            &HelperFrame::Failed {
                status: 127,
                message,
            },
        );
    });
    let output = daemon.run(&["exec", "web", "nope"]);
    assert_eq!(output.status.code(), Some(127));
    let told = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(told, @r#"error: there is no command "nope\u{1b}" in the container"#);

    let daemon = Daemon::start(|stream, _, _| drop(stream));
    let output = daemon.run(&["exec", "web", "nope"]);
    assert_eq!(output.status.code(), Some(125));
    let told = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(told, @r"
    error: how the command ended is not known: the connection was closed
    (E-PROTOCOL; osctl help E-PROTOCOL)
    ");
}

#[test]
fn a_command_that_is_killed_with_its_helper_was_killed() {
    let daemon = Daemon::start(|stream, _, fds| {
        let [_input, mut output, _errors] = files(fds);
        say(&stream, &HelperFrame::Started {});
        output.write_all(b"so far").unwrap();
        drop(stream);
    });
    let output = daemon.run(&["exec", "web", "cat"]);
    assert_eq!(output.status.code(), Some(128 + 9));
    assert_eq!(output.stdout, b"so far");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("most likely with its container"), "{told}");
}

#[test]
fn refusals_and_plans_run_nothing() {
    let server = crate::server::Server::start();
    let failure = os_types::Failure::new(
        os_types::Code::ContainerState,
        "container tank:web is stopped",
    );
    server.refuse("POST /v1/exec", failure.next("osctl ct start tank:web"));
    insta::assert_snapshot!(server.osctl("ct exec web true").to_string(), @r"
    --- stderr ---
    error: container tank:web is stopped
    hint: osctl ct start tank:web
    (E-CONTAINER-STATE; osctl help E-CONTAINER-STATE)
    --- status 125 ---
    ");
    assert_eq!(server.osctl("ct exec --plan web true").status, 125);
    assert_eq!(server.requests().matches("POST").count(), 1);
}
