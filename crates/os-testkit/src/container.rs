//! A container of a sandbox.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::image;
use crate::sandbox::{Ran, Sandbox, pause};

/// A container, by its id.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    sandbox: &'a Sandbox,
    name: String,
}

impl Sandbox {
    /// Makes a container from the busybox image; `options` go to `osctl ct new`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new_container(&self, name: &str, options: &[&str]) -> anyhow::Result<Container<'_>> {
        let image = image::busybox()?;
        let image = image.to_str().context("a path of text")?;
        let command = ["ct", "new", "--from-file", image];
        self.ok(&[&command, options, &[name]].concat())?;
        Ok(self.known_container(name))
    }

    /// Makes a container from the busybox image and starts it.
    ///
    /// # Errors
    /// When it cannot be made, or does not start.
    pub fn container(&self, name: &str) -> anyhow::Result<Container<'_>> {
        let container = self.new_container(name, &[])?;
        container.start()?;
        Ok(container)
    }

    /// A container that is there already.
    pub fn known_container(&self, name: &str) -> Container<'_> {
        Container {
            sandbox: self,
            name: name.to_owned(),
        }
    }
}

impl Container<'_> {
    /// Its id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> anyhow::Result<()> {
        self.sandbox.ok(&["ct", "start", &self.name]).map(drop)
    }

    /// Stops it at once.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn kill(&self) -> anyhow::Result<()> {
        let stop = ["ct", "stop", "--kill", &self.name];
        self.sandbox.ok(&stop).map(drop)
    }

    /// What `osctl ct show` says.
    ///
    /// # Errors
    /// When there is none.
    pub fn show(&self) -> anyhow::Result<Value> {
        self.sandbox.json(&["ct", "show", &self.name])
    }

    /// What it is doing, e.g. `running`.
    ///
    /// # Errors
    /// As [`Container::show`].
    pub fn state(&self) -> anyhow::Result<String> {
        let shown = self.show()?;
        let state = shown["state"].as_str().context("a state is text")?;
        Ok(state.to_owned())
    }

    /// The process id of its init.
    ///
    /// # Errors
    /// When it does not run.
    pub fn init_pid(&self) -> anyhow::Result<u32> {
        self.pid("init_pid")
    }

    /// The process id of its LXC monitor.
    ///
    /// # Errors
    /// When it does not run.
    pub fn monitor_pid(&self) -> anyhow::Result<u32> {
        self.pid("monitor_pid")
    }

    fn pid(&self, key: &str) -> anyhow::Result<u32> {
        let shown = self.show()?;
        let pid = shown[key].as_u64().and_then(|pid| u32::try_from(pid).ok());
        pid.with_context(|| format!("it has no {key}: {shown}"))
    }

    /// Waits until it is in a state.
    ///
    /// # Errors
    /// When it is not within 30 s.
    pub fn wait_for(&self, state: &str) -> anyhow::Result<()> {
        self.wait_until(state, |shown| Ok(shown["state"] == state))
    }

    /// Waits until `is_so` of what `osctl ct show` says.
    ///
    /// # Errors
    /// When it is not within 30 s.
    pub fn wait_until(
        &self,
        what: &str,
        is_so: impl Fn(&Value) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let shown = self.show()?;
            if is_so(&shown)? {
                return Ok(());
            }
            let late = Instant::now() > until;
            ensure!(!late, "not {what}: {shown}\n{}", self.sandbox.log());
            pause();
        }
    }

    /// Runs a command within it; how that ends is in the result.
    ///
    /// # Errors
    /// When `osctl` cannot be started.
    pub fn exec<W: AsRef<OsStr>>(&self, argv: &[W]) -> anyhow::Result<Ran> {
        let mut command = self
            .sandbox
            .osctl_command(&["ct", "exec", &self.name, "--"])?;
        command.args(argv);
        Ran::of(&mut command)
    }

    /// Runs a shell script within it, which has to succeed, and returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn sh(&self, script: &str) -> anyhow::Result<String> {
        let ran = self.exec(&["/bin/sh", "-c", script])?;
        ensure!(ran.code == 0, "{script:?} within: {ran:?}");
        Ok(ran.stdout)
    }
}
