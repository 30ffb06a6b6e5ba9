//! A sandbox with a pool, and containers made of roots that mean harm.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use os_testkit::{Daemon, Ran, Sandbox};

use crate::canary::Canaries;
use crate::image::image_of;
use crate::tarball::Tarball;

/// The sandbox and what is watched meanwhile.
#[derive(Debug)]
pub struct Guests {
    /// The sandbox.
    pub sandbox: Sandbox,
    daemon: Daemon,
    canaries: Canaries,
    /// A directory of the host outside of the sandbox, with files in it.
    pub outside: tempfile::TempDir,
}

impl Guests {
    /// A sandbox with the pool `tank`, and canaries.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let outside = tempfile::Builder::new().prefix("osctl-canary-").tempdir()?;
        for name in ["hostname", "resolv.conf", "shadow", "victim"] {
            put(&outside.path().join(name), "a canary\n")?;
        }
        let sandbox = Sandbox::new()?;
        put(&sandbox.path("etc/hostname"), "sandbox\n")?;
        put(&sandbox.path("etc/resolv.conf"), "# of the sandbox\n")?;
        let daemon = sandbox.start_ready()?;
        sandbox.pool("tank")?;
        let etc = [
            "/etc/hostname",
            "/etc/resolv.conf",
            "/etc/passwd",
            "/etc/shadow",
            "/etc/hosts",
        ];
        let mut places: Vec<&Path> = etc.iter().map(Path::new).collect();
        let own = [
            sandbox.path("etc/hostname"),
            sandbox.path("etc/resolv.conf"),
        ];
        places.extend(own.iter().map(PathBuf::as_path));
        places.push(outside.path());
        let canaries = Canaries::look(&places, sandbox.root())?;
        Ok(Self {
            sandbox,
            daemon,
            canaries,
            outside,
        })
    }

    /// The root of busybox, as a tar without its end: entries can be added.
    ///
    /// # Errors
    /// When this machine has no static busybox.
    pub fn busybox() -> Result<Tarball> {
        Self::busybox_without(&[])
    }

    /// The same without some of its top directories or files, whose place something else can take.
    ///
    /// # Errors
    /// When this machine has no static busybox.
    pub fn busybox_without(left_out: &[&str]) -> Result<Tarball> {
        let program = std::fs::read("/bin/busybox").context("busybox-static is not installed")?;
        let has = |name: &str| !left_out.contains(&name);
        let mut tar = Tarball::new();
        for folder in FOLDERS.iter().filter(|folder| has(folder)) {
            tar = tar.folder(folder);
        }
        tar = tar.file("bin/busybox", program);
        for applet in APPLETS {
            tar = tar.symlink(&format!("bin/{applet}"), "busybox");
        }
        if has("sbin") && has("sbin/init") {
            tar = tar.symlink("sbin/init", "../bin/busybox");
        }
        if !has("etc") {
            return Ok(tar);
        }
        let passwd = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n\
            other:x:1001:1001::/:/bin/sh\n";
        Ok(tar
            .mode(0o644)
            .file("etc/passwd", passwd)
            .file("etc/group", "root:x:0:\nuser:x:1000:\n")
            .file("etc/inittab", "::sysinit:/bin/touch /run/ready\n")
            .mode(0o755))
    }

    /// Makes a container of this root.
    ///
    /// # Errors
    /// When the image cannot be written; what `osctl` says is in the result.
    pub fn make(&self, name: &str, root: Tarball) -> Result<Ran> {
        let file = self.sandbox.path(&format!("{name}.img"));
        image_of(&file, root)?;
        self.sandbox.osctl(&[
            "ct",
            "new",
            "--from-file",
            &file.display().to_string(),
            name,
        ])
    }

    /// Makes and starts a container that has to run.
    ///
    /// # Errors
    /// When it does not.
    pub fn run(&self, name: &str, root: Tarball) -> Result<()> {
        let made = self.make(name, root)?;
        ensure!(made.code == 0, "{name} was not made: {}", made.stderr);
        self.sandbox.ok(&["ct", "start", name]).map(drop)
    }

    /// Runs a command of the shell in a container.
    ///
    /// # Errors
    /// When `osctl` cannot be started.
    pub fn sh(&self, name: &str, line: &str) -> Result<Ran> {
        self.sandbox
            .osctl(&["ct", "exec", name, "/bin/sh", "-c", line])
    }

    /// Waits until the init of a container has made `/run/ready`.
    ///
    /// # Errors
    /// When it has not within 20 seconds.
    pub fn wait_ready(&self, name: &str) -> Result<()> {
        let wait = "i=0; until [ -e /run/ready ]; do i=$((i + 1)); [ $i -lt 200 ] || exit 1; sleep 0.1; done";
        let ran = self.sh(name, wait)?;
        ensure!(ran.code == 0, "{name} has no /run/ready: {ran:?}");
        Ok(())
    }

    /// Ends the daemon as a crash does, and starts another.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn crash(mut self) -> Result<Self> {
        self.daemon.kill()?;
        self.daemon = self.sandbox.start_ready()?;
        Ok(self)
    }

    /// Fails if a canary has changed or the daemon does not answer.
    ///
    /// # Errors
    /// It names what.
    pub fn are_contained(&self) -> Result<()> {
        self.canaries.are_well()?;
        self.sandbox.ok(&["ping"]).map(drop)
    }

    /// Stops and deletes everything, and fails if anything is left.
    ///
    /// # Errors
    /// It names what is left.
    pub fn finish(self) -> Result<()> {
        let names = self.sandbox.ok(&["ct", "ls", "-H", "-o", "id"])?;
        for name in names.split_whitespace() {
            self.sandbox.ok(&["ct", "del", "-f", name])?;
        }
        self.are_contained()?;
        self.sandbox.finish(self.daemon)
    }
}

const FOLDERS: &[&str] = &[
    "bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var",
];

/// Names by which busybox is called in tests.
const APPLETS: &[&str] = &[
    "cat", "chmod", "cp", "dd", "grep", "head", "hostname", "ln", "ls", "mkdir", "mount", "ps",
    "pwd", "rm", "rmdir", "sh", "sleep", "stat", "su", "test", "touch", "true", "tty", "umount",
    "wc",
];

fn put(path: &Path, text: &str) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a temporary file that no other process reads yet"
    )]
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
