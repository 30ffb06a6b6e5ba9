//! A root directory of its own, with the real programs in it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::http::{self, Response};
use crate::leaks;

/// A root directory.
#[derive(Debug)]
pub struct Sandbox {
    dir: TempDir,
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; 128 and more for a signal.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> anyhow::Result<Self> {
        let output = command.output().context("cannot start a program")?;
        let signal = output.status.signal().unwrap_or_default();
        Ok(Self {
            code: output.status.code().unwrap_or(128 + signal),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Sandbox {
    /// A new sandbox with minimal account files.
    ///
    /// # Errors
    /// When the directory cannot be made, or we are not root.
    pub fn new() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("osctl-test-").tempdir()?;
        let sandbox = Self { dir };
        let etc = sandbox.path("etc");
        fs::create_dir(&etc)?;
        put(&etc.join("passwd"), "root:x:0:0:root:/root:/bin/bash\n")?;
        put(&etc.join("group"), "root:x:0:\n")?;
        put(&etc.join("subuid"), "")?;
        put(&etc.join("subgid"), "")?;
        put(
            &etc.join("machine-id"),
            "0123456789abcdef0123456789abcdef\n",
        )?;
        Ok(sandbox)
    }

    /// Its root directory.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path below its root.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The socket of its daemon.
    pub fn socket(&self) -> PathBuf {
        self.path("run/osctl/osctld.sock")
    }

    /// Starts a daemon and waits until it answers.
    ///
    /// # Errors
    /// When it does not answer within 20 s; with the end of its log.
    pub fn start(&self) -> anyhow::Result<Daemon> {
        self.start_with(&[])
    }

    /// Starts a daemon with more arguments and waits until it answers.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub fn start_with(&self, args: &[&str]) -> anyhow::Result<Daemon> {
        let daemon = self.launch(args)?;
        let until = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(self.socket()).is_err() {
            if !daemon.is_running() || Instant::now() > until {
                bail!("osctld does not answer; its log:\n{}", self.log());
            }
            pause();
        }
        Ok(daemon)
    }

    /// Starts a daemon and does not wait.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn launch(&self, args: &[&str]) -> anyhow::Result<Daemon> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("osctld.log"))?;
        let mut command = program("osctld")?;
        command
            .arg("--root")
            .arg(self.root())
            .args(["--log", "debug", "--log-format", "json"]);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Daemon::new(command.spawn().context("cannot start osctld")?)
    }

    /// The end of the daemon's log.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.path("osctld.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Starts a daemon and waits until it has imported what it is going to.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub fn start_ready(&self) -> anyhow::Result<Daemon> {
        let daemon = self.start()?;
        self.wait_ready()?;
        Ok(daemon)
    }

    /// Waits until the daemon is ready.
    ///
    /// # Errors
    /// When it is not within a minute: it may have a pool to finish first.
    pub fn wait_ready(&self) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let ping = self.request("GET", "/v1/ping", None);
            let ping = ping.and_then(|answer| answer.json());
            if ping.as_ref().is_ok_and(|ping| ping["state"] == "ready") {
                return Ok(());
            }
            // A daemon that was killed may have left its socket to a child for a moment.
            let late = Instant::now() > until;
            ensure!(!late, "not ready: {ping:?}\n{}", self.log());
            pause();
        }
    }

    /// Runs `osctl` in the sandbox.
    ///
    /// # Errors
    /// When the program cannot be started; how it ends is in the result.
    pub fn osctl(&self, args: &[&str]) -> anyhow::Result<Ran> {
        Ran::of(&mut self.osctl_command(args)?)
    }

    /// `osctl` in the sandbox, to be run by the caller; nothing is at its standard input yet.
    ///
    /// # Errors
    /// When it is not built.
    pub fn osctl_command(&self, args: &[&str]) -> anyhow::Result<Command> {
        let mut command = program("osctl")?;
        command
            .arg("--root")
            .arg(self.root())
            .args(args)
            .stdin(Stdio::null());
        command.env_remove("OSCTL_ROOT").env("LC_ALL", "C.UTF-8");
        Ok(command)
    }

    /// Runs `osctl`, which has to succeed, and returns its standard output.
    ///
    /// # Errors
    /// When it fails; with what it said and the daemon's log.
    pub fn ok(&self, args: &[&str]) -> anyhow::Result<String> {
        let ran = self.osctl(args)?;
        let Ran {
            code,
            stdout,
            stderr,
        } = &ran;
        ensure!(
            *code == 0,
            "osctl {args:?} ended with {code}: {stderr}{stdout}\n{}",
            self.log()
        );
        Ok(ran.stdout)
    }

    /// Runs `osctl -j`, which has to succeed, and returns its answer.
    ///
    /// # Errors
    /// When it fails or does not print JSON.
    pub fn json(&self, args: &[&str]) -> anyhow::Result<Value> {
        let args: Vec<&str> = [&["-j"], args].concat();
        serde_json::from_str(&self.ok(&args)?).context("osctl -j did not print JSON")
    }

    /// Sends a request to the daemon.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Response> {
        http::request(&self.socket(), method, path, body)
    }

    /// Runs a command of the API to its end, which has to be a success; returns the operation.
    ///
    /// # Errors
    /// When it fails; with what it said and the daemon's log.
    pub fn command(&self, name: &str, body: &Value) -> anyhow::Result<Value> {
        let path = format!("/v1/commands/{name}?wait_ms=60000");
        let answer = self.request("POST", &path, Some(body))?.json()?;
        let finished = answer["state"] == "finished";
        ensure!(finished, "{name} {body}: {answer}\n{}", self.log());
        Ok(answer)
    }

    /// Makes and imports a loop pool of 512 MiB.
    ///
    /// # Errors
    /// When that fails.
    pub fn pool(&self, name: &str) -> anyhow::Result<()> {
        self.ok(&["pool", "new", "--size", "512M", name]).map(drop)
    }

    /// The name of the control group that its daemons keep theirs below.
    ///
    /// # Errors
    /// When the daemon does not tell.
    pub fn cgroup_parent(&self) -> String {
        let ran = program("osctld").and_then(|mut command| {
            command
                .arg("--root")
                .arg(self.root())
                .arg("--print-cgroup-parent");
            Ok(command.output()?)
        });
        ran.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
            .unwrap_or_default()
    }

    /// Ends the sandbox: kills all containers, exports all pools, stops the daemon and fails if
    /// anything is left.
    ///
    /// # Errors
    /// When something fails or is left; it names what.
    pub fn finish(self, daemon: Daemon) -> anyhow::Result<()> {
        let containers = self.request("GET", "/v1/containers", None)?.json()?;
        for container in containers.as_array().into_iter().flatten() {
            if container["state"] != "stopped" {
                let stop = json!({
                    "pool": container["pool"],
                    "name": container["name"],
                    "policy": { "method": "kill" },
                });
                self.command("container-stop", &stop)?;
            }
        }
        let names = self.ok(&["pool", "ls", "-H", "-o", "name"])?;
        for pool in names.split_whitespace() {
            self.ok(&["pool", "export", "-f", pool])?;
        }
        daemon.stop()?;
        self.expect_nothing_left()
    }

    /// Fails if anything of a sandbox without a daemon is left on the host.
    ///
    /// # Errors
    /// It names what is.
    pub fn expect_nothing_left(&self) -> anyhow::Result<()> {
        let parent = self.cgroup_parent();
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let left = leaks::find(self.root(), &parent)?;
            if left.is_empty() {
                return Ok(());
            }
            // A process that was killed takes a moment to be gone.
            ensure!(
                Instant::now() < until,
                "left behind: {left:?}\n{}",
                self.log()
            );
            pause();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let parent = self.cgroup_parent();
        if !parent.is_empty()
            && let Err(error) = leaks::clean(self.root(), &parent)
        {
            // Not a panic: the test that leaked has failed already, and says more.
            drop(put(
                &self.root().with_extension("leak"),
                &format!("{error:#}"),
            ));
        }
    }
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a temporary file that no other process reads yet"
    )]
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The path of a program of this workspace: in the directory that the test itself was built into.
///
/// # Errors
/// When it is not built.
pub fn program_path(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let mut places = test.ancestors().skip(1).take(3).map(|dir| dir.join(name));
    let path = places.find(|path| path.is_file());
    path.with_context(|| format!("{name} is not built: run `cargo build --workspace --bins`"))
}

pub(crate) fn program(name: &str) -> anyhow::Result<Command> {
    let path = program_path(name)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the program under test, whose end we wait for"
    )]
    Ok(Command::new(path))
}

/// A moment between two tries of something that has no event to wait for.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(5));
}
