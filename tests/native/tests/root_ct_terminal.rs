//! Running commands in a container from a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use native::{process, wait_for, with_pool};
use os_testkit::Sandbox;
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal with `osctl` in it, and what it shows.
struct Session {
    child: Child,
    master: File,
    slave: OwnedFd,
}

impl Session {
    /// Runs a command of a container in a terminal of this size.
    fn open(sandbox: &Sandbox, argv: &[&str], (rows, columns): (u16, u16)) -> Result<Self> {
        let terminal = os_sys::new_terminal()?;
        let session = |stdio: fn(OwnedFd) -> Stdio| terminal.slave.try_clone().map(stdio);
        resize(&terminal.master, rows, columns)?;
        // setsid(1) makes it the controlling terminal, as a login does.
        #[expect(clippy::disallowed_methods, reason = "what a login does")]
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(os_testkit::sandbox::program_path("osctl")?)
            .arg("--root")
            .arg(sandbox.root())
            .args(["ct", "exec", "web", "--"])
            .args(argv)
            .env("TERM", "xterm-test")
            .stdin(session(Stdio::from)?)
            .stdout(session(Stdio::from)?)
            .stderr(session(Stdio::from)?);
        Ok(Self {
            child: command.spawn()?,
            master: terminal.master.into(),
            slave: terminal.slave,
        })
    }

    /// Reads until `text` is there; returns all that was read.
    fn expect(&mut self, text: &str) -> Result<String> {
        let mut shown = String::new();
        while !shown.contains(text) {
            let mut some = [0; 4096];
            let count = self
                .master
                .read(&mut some)
                .with_context(|| format!("{text:?} in {shown:?}"))?;
            ensure!(count > 0, "{text:?} in {shown:?}");
            shown.push_str(&String::from_utf8_lossy(&some[..count]));
        }
        Ok(shown)
    }

    fn type_in(&mut self, text: &str) -> Result<()> {
        Ok(self.master.write_all(text.as_bytes())?)
    }

    fn status(&mut self) -> Result<Option<i32>> {
        Ok(self.child.wait()?.code())
    }
}

fn resize(master: impl std::os::fd::AsFd, rows: u16, columns: u16) -> Result<()> {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(tcsetwinsize(master, size)?)
}

#[test]
fn it_has_a_terminal_of_the_same_size() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    let script = "stty size; tty; echo term $TERM; read x; stty size; echo read $x; exit 6";
    let mut session = Session::open(&sandbox, &["/bin/sh", "-c", script], (33, 101))?;
    let shown = session.expect("term xterm-test")?;
    ensure!(shown.contains("33 101"), "{shown:?}");
    ensure!(shown.contains("/dev/pts/"), "{shown:?}");
    resize(session.master.as_fd(), 44, 55)?;
    // The new size is there when the terminal of the guest has it.
    let guest = sandbox.known_container("web");
    wait_for("the new size", || {
        let size = guest.sh("for t in /dev/pts/[0-9]*; do stty size < $t; done")?;
        Ok(size.contains("44 55").then_some(()))
    })?;
    session.type_in("word\r")?;
    let shown = session.expect("read word")?;
    ensure!(shown.contains("44 55"), "{shown:?}");
    assert_eq!(session.status()?, Some(6));
    sandbox.finish(daemon)
}

#[test]
fn keys_that_mean_signals_reach_the_command_alone() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    let script =
        "trap 'echo interrupted' INT; echo here; while :; do read x && break; done; echo got $x";
    let mut session = Session::open(&sandbox, &["/bin/sh", "-c", script], (24, 80))?;
    session.expect("here")?;
    session.type_in("\x03")?;
    session.expect("interrupted")?;
    session.type_in("more\r")?;
    session.expect("got more")?;
    assert_eq!(session.status()?, Some(0));
    sandbox.finish(daemon)
}

#[test]
fn the_terminal_of_the_user_is_out_of_reach() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    let script = "echo here; read x; echo end";
    let mut session = Session::open(&sandbox, &["/bin/sh", "-c", script], (24, 80))?;
    session.expect("here")?;
    let own = File::from(session.slave.try_clone()?).metadata()?;
    let guests = process::of_container(&sandbox, "web", "")?;
    ensure!(!guests.is_empty());
    for pid in guests {
        let shell = process::name(pid) == "sh";
        let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(found) = std::fs::metadata(entry.path()) else {
                continue;
            };
            let same = (found.dev(), found.ino()) == (own.dev(), own.ino());
            ensure!(
                !(shell && same),
                "process {pid} has the user's terminal: {:?}",
                entry.path()
            );
        }
        // A signal to it, or a key pushed with TIOCSTI, would need it as controlling terminal.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let terminal: u64 = fields
            .split(' ')
            .nth(4)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        if shell && terminal != 0 {
            let controlling = File::open(format!("/proc/{pid}/fd/0"))?.metadata()?;
            ensure!(
                controlling.dev() != own.dev(),
                "its terminal is one of the host"
            );
        }
    }
    session.type_in("x\r")?;
    session.expect("end")?;
    assert_eq!(session.status()?, Some(0));
    sandbox.finish(daemon)
}

#[test]
fn the_terminal_of_the_user_is_as_before() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    for (argv, status) in [
        (&["true"][..], 0),
        (&["/bin/sh", "-c", "stty raw -echo; kill -9 $$"], 137),
    ] {
        let mut session = Session::open(&sandbox, argv, (24, 80))?;
        assert_eq!(session.status()?, Some(status), "{argv:?}");
        let after = rustix::termios::tcgetattr(&session.slave)?;
        let modes = rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON;
        ensure!(after.local_modes.contains(modes), "{argv:?} left {after:?}");
    }
    sandbox.finish(daemon)
}
