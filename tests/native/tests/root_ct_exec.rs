//! Running commands in a container, with pipes.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use native::{process, wait_for, with_pool};
use os_sys::Signal;
use os_testkit::{Container, Sandbox};

/// Size of the stream in bytes, a multiple of eight.
const STREAM_BYTES: u64 = 256 << 20;

/// Pseudo-random numbers, the same each time.
struct Numbers(u64);

impl Numbers {
    fn fill(&mut self, block: &mut [u8]) {
        for word in block.chunks_exact_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            word.copy_from_slice(&self.0.to_le_bytes());
        }
    }
}

/// Processes of a container with this name.
fn named(sandbox: &Sandbox, container: &str, name: &str) -> Result<Vec<u32>> {
    let mut found = process::of_container(sandbox, container, "")?;
    found.retain(|pid| process::name(*pid) == name);
    Ok(found)
}

#[test]
fn streams_are_intact() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    let mut command = sandbox.osctl_command(&["ct", "exec", "web", "--", "cat"])?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut input, mut output) = (
        child.stdin.take().context("input")?,
        child.stdout.take().context("output")?,
    );
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> Result<()> {
            let (mut numbers, mut block) = (Numbers(4711), vec![0; 1 << 16]);
            for _ in 0..STREAM_BYTES / (1 << 16) {
                numbers.fill(&mut block);
                input.write_all(&block)?;
            }
            Ok(())
        });
        let (mut numbers, mut expected, mut block) =
            (Numbers(4711), vec![0; 1 << 16], vec![0; 1 << 16]);
        for at in 0..STREAM_BYTES / (1 << 16) {
            output
                .read_exact(&mut block)
                .with_context(|| format!("at block {at}"))?;
            numbers.fill(&mut expected);
            ensure!(block == expected, "another block comes back at {at}");
        }
        let mut rest = Vec::new();
        output.read_to_end(&mut rest)?;
        ensure!(rest.is_empty(), "{} bytes too many", rest.len());
        writer
            .join()
            .map_err(|_panic| anyhow::anyhow!("the writer died"))?
    })?;
    ensure!(child.wait()?.success());
    sandbox.finish(daemon)
}

#[test]
fn nothing_is_lost_at_the_end() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for _ in 0..5 {
        let ran = web.exec(&["/bin/sh", "-c", "seq 1 20000; seq 1 20000 >&2; exit 9"])?;
        assert_eq!(ran.code, 9);
        for stream in [&ran.stdout, &ran.stderr] {
            assert_eq!(stream.lines().count(), 20_000);
            assert_eq!(stream.lines().last(), Some("20000"));
        }
    }
    sandbox.finish(daemon)
}

#[test]
fn every_byte_passes() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    let bytes: Vec<u8> = (0..=255).cycle().take(4096).collect();
    let mut command = sandbox.osctl_command(&["ct", "exec", "web", "--", "cat"])?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("input")?.write_all(&bytes)?;
    assert_eq!(child.wait_with_output()?.stdout, bytes);
    sandbox.finish(daemon)
}

#[test]
fn its_status_is_ours() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    web.sh("touch /root/plain; mkdir /root/folder; printf '#!/nowhere\\n' > /root/lost; chmod 755 /root/lost")?;
    for (argv, status) in [
        (&["true"][..], 0),
        (&["false"], 1),
        (&["/bin/sh", "-c", "exit 42"], 42),
        (&["/bin/sh", "-c", "exit 255"], 255),
        (&["/bin/sh", "-c", "kill -9 $$"], 128 + 9),
        (&["/bin/sh", "-c", "kill -15 $$"], 128 + 15),
        (&["no-such-command"], 127),
        (&["/no/such/command"], 127),
        (&["/root/plain"], 126),
        (&["/root/folder"], 126),
    ] {
        let ran = web.exec(argv)?;
        assert_eq!(ran.code, status, "{argv:?}: {ran:?}");
        if status == 126 || status == 127 {
            ensure!(!ran.stderr.is_empty(), "{argv:?} fails in silence");
        }
    }
    sandbox.finish(daemon)
}

#[test]
fn signals_are_forwarded() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
    ] {
        let script = format!("trap 'echo got {name}; exit 7' {name}; echo here; sleep 1000 & wait");
        let mut command =
            sandbox.osctl_command(&["ct", "exec", "web", "--", "/bin/sh", "-c", &script])?;
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut output = child.stdout.take().context("output")?;
        let mut here = [0; 5];
        output.read_exact(&mut here)?;
        process::signal(child.id(), signal)?;
        let mut rest = String::new();
        output.read_to_string(&mut rest)?;
        assert_eq!(rest, format!("got {name}\n"));
        assert_eq!(child.wait()?.code(), Some(7));
    }
    // One that the command does not catch ends it, and us as it ended.
    let script = "echo here; exec sleep 1000";
    let mut command =
        sandbox.osctl_command(&["ct", "exec", "web", "--", "/bin/sh", "-c", script])?;
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().context("output")?;
    // Those before left a sleep each behind, so its own word says that it is there.
    output.read_exact(&mut [0; 5])?;
    process::signal(child.id(), Signal::TERM)?;
    assert_eq!(child.wait()?.code(), Some(128 + 15));
    sandbox.finish(daemon)
}

#[test]
fn the_end_of_input_is_seen() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    // Standard input is /dev/null here.
    let ran = web.exec(&["/bin/sh", "-c", "cat; echo end"])?;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "end\n"));
    // A command that does not read what is coming is not waited for.
    let mut command = sandbox.osctl_command(&["ct", "exec", "web", "--", "true"])?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let input = child.stdin.take();
    ensure!(child.wait()?.success());
    drop(input);
    sandbox.finish(daemon)
}

#[test]
fn what_goes_on_in_the_background_is_not_waited_for() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let ran = web.exec(&["/bin/sh", "-c", "sleep 1000 & echo started"])?;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "started\n"));
    // Under load it is another shell for a moment.
    wait_for("what goes on", || {
        Ok((named(&sandbox, "web", "sleep")?.len() == 1).then_some(()))
    })?;
    sandbox.finish(daemon)
}

#[test]
fn a_client_that_is_killed_takes_its_command_along() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    for script in ["exec sleep 1000", "trap '' HUP TERM; exec sleep 1000"] {
        let mut command =
            sandbox.osctl_command(&["ct", "exec", "web", "--", "/bin/sh", "-c", script])?;
        let mut client = command.spawn()?;
        wait_for("the command", || Ok(named(&sandbox, "web", "sleep")?.pop()))?;
        client.kill()?;
        client.wait()?;
        wait_for("its end", || {
            let left = process::of_container(&sandbox, "web", "")?;
            let left = left
                .into_iter()
                .filter(|pid| ["sleep", "os-helper", "exe"].contains(&&*process::name(*pid)));
            Ok((left.count() == 0).then_some(()))
        })?;
    }
    assert_eq!(web.sh("echo fine")?, "fine\n");
    sandbox.finish(daemon)
}

#[test]
fn it_survives_the_daemon() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    sandbox.container("web")?;
    let mut command =
        sandbox.osctl_command(&["ct", "exec", "web", "--", "/bin/sh", "-c", "cat; exit 5"])?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (mut input, mut output) = (
        child.stdin.take().context("input")?,
        child.stdout.take().context("output")?,
    );
    let mut echo = |text: &[u8; 7]| -> Result<()> {
        input.write_all(text)?;
        let mut back = [0; 7];
        output.read_exact(&mut back)?;
        assert_eq!(&back, text);
        Ok(())
    };
    echo(b"before\n")?;
    daemon.kill()?;
    echo(b"killed\n")?;
    let daemon = sandbox.start_ready()?;
    echo(b"after!\n")?;
    drop(input);
    assert_eq!(child.wait()?.code(), Some(5));
    sandbox.finish(daemon)
}

#[test]
fn many_at_once() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|number| {
                let web = web.clone();
                scope.spawn(move || web.sh(&format!("echo {number}; seq 1 1000 | wc -l")))
            })
            .collect();
        for (number, thread) in threads.into_iter().enumerate() {
            let said = thread
                .join()
                .map_err(|_panic| anyhow::anyhow!("a thread died"))??;
            assert_eq!(said, format!("{number}\n1000\n"));
        }
        anyhow::Ok(())
    })?;
    sandbox.finish(daemon)
}

#[test]
fn one_that_does_not_run_is_named() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let ran = web.exec(&["true"])?;
    ensure!(
        ran.code != 0 && ran.stderr.contains("E-CONTAINER-STATE"),
        "{ran:?}"
    );
    ensure!(ran.stderr.contains("osctl ct start"), "{ran:?}");
    let ran = sandbox.known_container("wbe").exec(&["true"])?;
    ensure!(
        ran.code != 0 && ran.stderr.contains("E-NOT-FOUND"),
        "{ran:?}"
    );
    sandbox.finish(daemon)
}

#[test]
fn a_stopped_one_runs_for_one_command() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &["--ephemeral"])?;
    let run =
        |script: &str| sandbox.osctl(&["ct", "exec", "-r", "web", "--", "/bin/sh", "-c", script]);
    let ran = run("echo $(id -u) $(hostname); test -e /run/ready && echo init; exit 3")?;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "0 web\n"), "{ran:?}");
    web.wait_for("stopped")?;
    let ran = run("touch /root/kept")?;
    assert_eq!(ran.code, 0, "{ran:?}");
    web.wait_for("stopped")?;
    web.start()?;
    // In one that runs it is a command like any other.
    let ran = run("ls /root/kept; echo $$ > /dev/null")?;
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "/root/kept\n"),
        "{ran:?}"
    );
    assert_eq!(web.state()?, "running");
    sandbox.finish(daemon)
}

/// A container that was started for a command that cannot come in is stopped again.
#[test]
fn one_started_for_a_command_that_is_refused_is_stopped() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let freezes = "freezer=$(sed -n 's/.*:freezer://p' /proc/$OSCTL_CT_INIT_PID/cgroup)\n\
                   if test -n \"$freezer\"\n\
                   then echo FROZEN > /sys/fs/cgroup/freezer$freezer/freezer.state\n\
                   else echo 1 > /sys/fs/cgroup$(sed -n s/0:://p /proc/$OSCTL_CT_INIT_PID/cgroup)/cgroup.freeze\n\
                   fi";
    let hooks = sandbox.path("tank/hook/ct/web");
    fs::create_dir_all(&hooks)?;
    let hook = hooks.join("post-start");
    native::write(&hook, format!("#!/bin/sh\nset -e\n{freezes}\n"))?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700))?;
    let ran = sandbox.osctl(&["ct", "exec", "-r", "web", "--", "/bin/true"])?;
    ensure!(ran.code != 0 && ran.stderr.contains("frozen"), "{ran:?}");
    web.wait_for("stopped")?;
    sandbox.finish(daemon)
}

/// A container that was started for a client stops when that client disconnects.
#[test]
fn one_started_for_a_client_that_left_is_stopped() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.new_container("web", &[])?;
    let body = r#"{"name":"web","argv":["/bin/sleep","1000"],"run":true}"#;
    let request = format!(
        "POST /v1/exec HTTP/1.1\r\nHost: l\r\nConnection: upgrade\r\nUpgrade: osctl-exec\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = UnixStream::connect(sandbox.socket())?;
    client.write_all(request.as_bytes())?;
    wait_for("the start to begin", || {
        Ok((web.state()? != "stopped").then_some(()))
    })?;
    drop(client);
    web.wait_for("stopped")?;
    let history = sandbox.ok(&["history"])?;
    ensure!(history.contains("its command has ended"), "{history}");
    sandbox.finish(daemon)
}

/// A running container's processes by name, without its init: what an exec leaves.
fn others(web: &Container<'_>) -> Result<String> {
    web.sh("for p in /proc/[0-9]*; do test $p = /proc/1 || cat $p/comm; done 2>/dev/null | sort -u")
}

#[test]
fn the_guest_sees_nothing_of_the_host() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let fds = web.exec(&["/bin/ls", "-l", "/proc/self/fd"])?;
    // Three streams, and the directory that is being read: it is gone when its name is asked for.
    let open: Vec<&str> = fds
        .stdout
        .lines()
        .filter(|line| line.contains("root"))
        .collect();
    assert_eq!(open.len(), 4, "{fds:?}");
    let streams = open[..3].iter().filter(|line| line.contains(" -> pipe:["));
    assert_eq!(streams.count(), 3, "{fds:?}");
    assert_eq!(web.exec(&["/bin/pwd"])?.stdout, "/root\n");
    assert_eq!(
        web.sh("readlink /proc/self/cwd; readlink /proc/self/root")?,
        "/root\n/\n"
    );
    let names = others(&web)?;
    let known = ["cat", "sh", "sort"];
    ensure!(
        names.lines().all(|name| known.contains(&name)),
        "it sees {names:?}"
    );
    let environment = web.exec(&["env"])?.stdout;
    for name in ["OSCTL_ROOT", "CARGO", "INVOCATION_ID", "NEXTEST"] {
        ensure!(!environment.contains(name), "{environment}");
    }
    let status = web.exec(&["cat", "/proc/self/status"])?.stdout;
    let line = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    assert_eq!(
        line("Seccomp:"),
        Some("2"),
        "the guest's policy holds for it"
    );
    let init = web.exec(&["cat", "/proc/1/status"])?.stdout;
    let of_init = |name: &str| {
        init.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    assert_eq!(
        line("CapBnd:"),
        of_init("CapBnd:"),
        "it may do what init may"
    );
    let groups = |pid: &str| web.exec(&["cat", &format!("/proc/{pid}/cgroup")]);
    assert_eq!(groups("self")?.stdout, groups("1")?.stdout);
    sandbox.finish(daemon)
}

/// CVE-2019-5736: the binary of an entering process is overwritten through `/proc/<pid>/exe`.
#[test]
fn the_helper_cannot_be_rewritten() -> Result<()> {
    let (sandbox, daemon) = with_pool()?;
    let web = sandbox.container("web")?;
    let helper = os_testkit::sandbox::program_path("os-helper")?;
    let before = fs::read(&helper)?;
    let thief = "while :; do for p in /proc/[0-9]*; do
            e=$(readlink $p/exe) || continue
            case $e in */busybox) continue;; esac
            echo seen $e
            if (echo x >> $p/exe) 2>/dev/null; then echo opened $e; fi
            if (exec 9< $p/exe) 2>/dev/null; then echo read $e; fi
        done; done > /root/thief 2>/dev/null";
    web.sh(&format!("({thief}) </dev/null >/dev/null 2>&1 &"))?;
    for _ in 0..60 {
        assert_eq!(web.sh("echo fine")?, "fine\n");
    }
    let found = web.sh("cat /root/thief")?;
    ensure!(!found.contains("opened"), "{found}");
    ensure!(fs::read(&helper)? == before, "the helper is another one");
    sandbox.finish(daemon)
}
