//! Running the programs that are measured.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use os_sys::{Child, SpawnRequest};

use crate::as_user;

/// Nothing that is measured here takes longer.
const PATIENCE: Duration = Duration::from_mins(2);

/// A program by its name: in the directory of this one, or where Debian has programs.
pub(crate) fn find(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.parent().into_iter().chain(
        [
            "/usr/sbin",
            "/usr/bin",
            "/sbin",
            "/bin",
            "/usr/libexec/incus",
        ]
        .iter()
        .map(Path::new),
    );
    let mut paths = folders.map(|folder| folder.join(name));
    let found = paths.find(|path| path.is_file());
    found.with_context(|| format!("there is no {name} on this machine"))
}

/// A program that runs, and what it says.
pub(crate) struct Running {
    child: Child,
    /// In `CLOCK_MONOTONIC`.
    began: Duration,
    shown: String,
    output: File,
}

/// Starts a program; its output is kept.
pub(crate) fn start(request: SpawnRequest) -> anyhow::Result<Running> {
    let shown = format!("{request:?}");
    // A file and not a pipe: daemons that it leaves behind may hold on to it.
    let output = tempfile::tempfile()?;
    let request = request
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8");
    let began = as_user::now();
    let child = os_sys::spawn(request)?;
    Ok(Running {
        child,
        began,
        shown,
        output,
    })
}

impl Running {
    /// Waits for its end, which has to be a success; what it said.
    pub(crate) fn finish(mut self) -> anyhow::Result<Output> {
        let status = self.child.wait(PATIENCE)?;
        let ended = as_user::now();
        let mut text = String::new();
        self.output.rewind()?;
        self.output.read_to_string(&mut text)?;
        let status = status.with_context(|| format!("{}: no end", self.shown))?;
        ensure!(status.success(), "{}: {status}: {text}", self.shown);
        let (began, text) = match as_user::split(&text) {
            Some((joined, own)) => (joined, own.to_owned()),
            None => (self.began, text),
        };
        let took = ended.saturating_sub(began);
        Ok(Output { text, took })
    }
}

/// What a program said, and how long it took.
#[derive(Debug)]
pub(crate) struct Output {
    /// Its standard output and standard error.
    pub(crate) text: String,
    /// From its start, or from when it began to join control groups, to its end.
    pub(crate) took: Duration,
}

/// Runs a program to its end.
pub(crate) fn run(request: SpawnRequest) -> anyhow::Result<Output> {
    start(request)?.finish()
}
