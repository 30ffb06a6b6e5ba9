//! Guests that misbehave while they run.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hostile::Guests;
use hostile::exec::on_terminal;

/// A guest that hands out a terminal of its own choice gets no terminal of osctl.
#[test]
fn a_terminal_is_a_real_one_or_none() -> Result<()> {
    let guests = Guests::new()?;
    guests.run("g", Guests::busybox()?)?;
    let socket = guests.sandbox.socket();
    let good = on_terminal(&socket, "g", &["/bin/tty"])?;
    ensure!(
        good.end["say"] == "exited" && good.end["status"] == 0,
        "{good:?}"
    );
    ensure!(good.text.contains("/dev/pts/"), "{good:?}");
    let tricks = [
        "mount -t tmpfs none /dev/pts && touch /dev/pts/ptmx",
        "ln -sf /dev/null /dev/pts/ptmx",
        "mount --bind /dev/null /dev/pts/ptmx || mount --bind /dev/zero /dev/pts/ptmx",
        "umount /dev/pts/ptmx; umount /dev/pts; umount /dev/pts; true",
        "rmdir /dev/pts; ln -s /proc/self/fd /dev/pts",
        "rm -f /dev/pts; ln -s ../../../../../../dev/pts /dev/pts",
    ];
    let mut refused = 0;
    for trick in tricks {
        let done = guests.sh("g", trick)?;
        let shown = on_terminal(&socket, "g", &["/bin/tty"])?;
        let is_refused = shown.end["say"] == "failed";
        let is_real = shown.end["say"] == "exited" && shown.text.contains("/dev/pts/");
        ensure!(is_refused || is_real, "{trick}: {shown:?} after {done:?}");
        refused += u32::from(is_refused);
        guests.are_contained()?;
    }
    ensure!(refused > 0, "no trick was one");
    let streams = guests.sh("g", "echo well")?;
    ensure!(streams.stdout == "well\n", "{streams:?}");
    guests.finish()
}

/// A command begins in a directory of the guest, whatever the guest makes of its directories.
#[test]
fn a_command_begins_in_the_guest() -> Result<()> {
    let guests = Guests::new()?;
    let out = guests.outside.path().display().to_string();
    guests.run("g", Guests::busybox()?)?;
    for trick in [
        format!("rm -rf /root; ln -s ../../../../../../..{out} /root"),
        "rm -rf /root; ln -s /proc/1/cwd /root".to_owned(),
        "rm -rf /root; echo x > /root".to_owned(),
        "rm -rf /root; ln -s root /root".to_owned(),
        "rm -rf /root; mkdir /root; mount -t tmpfs none /root; chmod 0 /root".to_owned(),
    ] {
        let done = guests.sh("g", &trick)?;
        let ran = guests.sh("g", "ls; pwd; ls /; cat hostname shadow victim")?;
        ensure!(
            !ran.stdout.contains("canary"),
            "{trick}: {ran:?} after {done:?}"
        );
        guests.are_contained()?;
    }
    guests.finish()
}

/// What fills its disk is stopped and deleted like any other.
#[test]
fn a_full_disk_is_in_nobodys_way() -> Result<()> {
    let guests = Guests::new()?;
    guests.run("full", Guests::busybox()?)?;
    let filled = guests.sh(
        "full",
        "dd if=/dev/urandom of=/run/fill bs=1M; dd if=/dev/urandom of=/fill bs=1M",
    )?;
    ensure!(filled.stderr.contains("o space"), "{filled:?}");
    let listed = guests
        .sandbox
        .ok(&["ct", "ls", "-H", "-o", "state", "full"])?;
    ensure!(listed.trim() == "running", "{listed}");
    let still = guests.sh("full", "echo well")?;
    ensure!(still.stdout == "well\n", "{still:?}");
    guests.sandbox.ok(&["ct", "stop", "--kill", "full"])?;
    // What has to be journaled needs a few kilobytes: it is done, or refused with nothing changed.
    let deleted = guests.sandbox.osctl(&["ct", "del", "full"])?;
    if deleted.code != 0 {
        ensure!(deleted.stderr.contains("E-NO-SPACE"), "{deleted:?}");
        let listed = guests
            .sandbox
            .ok(&["ct", "ls", "-H", "-o", "state", "full"])?;
        ensure!(listed.trim() == "stopped", "{listed}");
        for name in ["fill", "run/fill"] {
            let file = guests.sandbox.path("tank/ct/full/private").join(name);
            drop(std::fs::remove_file(file));
        }
    }
    guests.finish()
}

/// Processes that ignore everything, and some that never stop making others.
#[test]
fn what_does_not_want_to_end_is_ended() -> Result<()> {
    let guests = Guests::new()?;
    let init = "#!/bin/sh\ntrap '' TERM INT HUP PWR QUIT USR1 USR2\n\
        touch /run/ready\nwhile :; do sleep 1; done\n";
    let deaf = Guests::busybox_without(&["sbin/init"])?.file("sbin/init", init);
    guests.run("deaf", deaf)?;
    guests.run("forks", Guests::busybox()?)?;
    let many = "i=0; while [ $i -lt 150 ]; do (trap '' TERM INT HUP; while :; do sleep 1; done) & \
        i=$((i+1)); done; (while :; do sleep 1 & done) & true";
    for name in ["deaf", "forks"] {
        let line = format!("({many}) > /dev/null 2>&1 < /dev/null &");
        let ran = guests.sh(name, &line)?;
        ensure!(ran.code == 0, "{name}: {ran:?}");
        let began = Instant::now();
        let stopped = guests
            .sandbox
            .osctl(&["ct", "stop", "--timeout", "2", name])?;
        ensure!(stopped.code == 0, "{name}: {stopped:?}");
        ensure!(
            began.elapsed() < Duration::from_secs(20),
            "{name} took {:?}",
            began.elapsed()
        );
        let listed = guests
            .sandbox
            .ok(&["ct", "ls", "-H", "-o", "state", name])?;
        ensure!(listed.trim() == "stopped", "{name}: {listed}");
    }
    guests.finish()
}

/// The socket of the hooks survives invalid data of any process.
#[test]
fn rubbish_on_the_hook_socket_is_harmless() -> Result<()> {
    let guests = Guests::new()?;
    guests.run("g", Guests::busybox()?)?;
    let socket = guests.sandbox.path("run/osctl/hook.sock");
    let lies = [
        b"".to_vec(),
        b"\n".to_vec(),
        vec![0xff; 200_000],
        b"{}\n".to_vec(),
        b"[[[[[[[[".repeat(5000),
        br#"{"hook":"start-host","init_pid":1}"#.iter().copied().chain(*b"\n").collect(),
        br#"{"hook":"post-stop","target":"reboot"}"#.iter().copied().chain(*b"\n").collect(),
    ];
    let mut open = Vec::new();
    for lie in &lies {
        let mut stream = UnixStream::connect(&socket)?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        // The daemon closes the connection of a refused process.
        drop(stream.write_all(lie));
        open.push(stream);
    }
    // Those who say nothing are in nobody's way.
    for _ in 0..100 {
        open.push(UnixStream::connect(&socket)?);
    }
    let listed = guests.sandbox.ok(&["ct", "ls", "-H", "-o", "state", "g"])?;
    ensure!(listed.trim() == "running", "{listed}");
    guests.run("h", Guests::busybox()?)?;
    guests.sandbox.ok(&["ct", "stop", "--kill", "g"])?;
    drop(open);
    guests.finish()
}

/// Names that a guest gives itself reach no terminal, and confuse no parser.
#[test]
fn names_of_processes_are_only_names() -> Result<()> {
    let guests = Guests::new()?;
    let init = "#!/bin/sh\nprintf ') Z 1 (\\033[2J\\n' > /proc/1/comm\ntouch /run/ready\n\
        while :; do sleep 1; done\n";
    let root = Guests::busybox_without(&["sbin/init"])?
        .symlink("bin/printf", "busybox")
        .file("sbin/init", init);
    guests.run("named", root)?;
    let waited = Instant::now();
    loop {
        let name = guests.sh("named", "cat /proc/1/comm")?;
        if name.stdout.contains(") Z") {
            break;
        }
        ensure!(waited.elapsed() < Duration::from_secs(30), "{name:?}");
    }
    let copied = "cp /bin/busybox \"/tmp/$(printf 'a\\n) R (\\033]0;x\\007')\" && cd /tmp && \
        (./a* sleep 100 > /dev/null 2>&1 < /dev/null &)";
    let ran = guests.sh("named", copied)?;
    ensure!(ran.code == 0, "{ran:?}");
    for args in [
        &["ct", "ls"][..],
        &["ct", "show", "named"],
        &["-j", "ct", "ls"],
    ] {
        let shown = guests.sandbox.ok(args)?;
        ensure!(shown.contains("running"), "{shown}");
        ensure!(
            !shown.contains('\x1b') && !shown.contains('\x07'),
            "{shown:?}"
        );
    }
    let stopped = guests
        .sandbox
        .osctl(&["ct", "stop", "--timeout", "1", "named"])?;
    ensure!(stopped.code == 0, "{stopped:?}");
    let said = format!("{}{}", stopped.stdout, stopped.stderr);
    ensure!(!said.contains('\x1b') && !said.contains('\x07'), "{said:?}");
    guests.finish()
}
