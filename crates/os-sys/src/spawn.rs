//! Starting a program in a session of its own, without any descriptor of the caller.
//!
//! The child shares the caller's memory until it executes the program (`CLONE_VM | CLONE_VFORK`, as
//! `posix_spawn(3)` does it), so a large daemon copies no page tables, and a failure is handed back in
//! memory. What the child does is a list of system calls:
//!
//! ```text
//! clone ─ reset signals ─ setsid ─ move the wanted descriptors to 0, 1, 2, 3, ... ─ close all others
//!   ─ chdir ─ [die with thread] ─ exec
//! ```
//!
//! Descriptors are closed by the child and not only marked close-on-exec: a lock of a daemon that is
//! killed at this moment is free as soon as the child has run these few calls. Nothing in the list
//! waits, so the child never joins a control group: a frozen one would hold it before exec, together with
//! the thread that waits for it. A program that has to be in a group joins it after exec (ADR-14).

mod child;

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};

use self::child::{Image, Plan};
use crate::{PidFd, SysError};

/// What to start. Standard streams not given are `/dev/null`; the environment starts empty.
#[derive(Debug)]
pub struct SpawnRequest {
    program: PathBuf,
    image: Option<Arc<OwnedFd>>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    passed: Vec<OwnedFd>,
    dies_with_thread: bool,
}

impl SpawnRequest {
    /// A program by absolute path; no search path is used.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            image: None,
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            stdout: None,
            stderr: None,
            passed: Vec::new(),
            dies_with_thread: false,
        }
    }

    /// Executes what this descriptor is open on; the path only names it, in errors and as `argv[0]`.
    #[must_use]
    pub fn image(mut self, image: Arc<OwnedFd>) -> Self {
        self.image = Some(image);
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives the standard input.
    #[must_use]
    pub fn stdin(mut self, fd: impl Into<OwnedFd>) -> Self {
        self.stdin = Some(fd.into());
        self
    }

    /// Gives the standard output.
    #[must_use]
    pub fn stdout(mut self, fd: impl Into<OwnedFd>) -> Self {
        self.stdout = Some(fd.into());
        self
    }

    /// Gives the standard error.
    #[must_use]
    pub fn stderr(mut self, fd: impl Into<OwnedFd>) -> Self {
        self.stderr = Some(fd.into());
        self
    }

    /// Passes a descriptor; the first one is number 3 in the program, the next one 4, and so on.
    #[must_use]
    pub fn pass(mut self, fd: impl Into<OwnedFd>) -> Self {
        self.passed.push(fd.into());
        self
    }

    /// Has the kernel kill the program when the *thread* that starts it ends, however it ends.
    /// Start it from a thread that lives as long as the process to mean the process.
    #[must_use]
    pub fn dies_with_thread(mut self) -> Self {
        self.dies_with_thread = true;
        self
    }
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// A step before exec, or exec itself, failed; the child is gone.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl os_types::Explain for SpawnError {
    fn code(&self) -> os_types::Code {
        os_types::Code::System
    }
}

/// A started program: leader of its own session and process group.
///
/// Dropping it neither kills nor reaps. As long as it has not been reaped its number, and with it
/// the number of its group, cannot be reused.
#[derive(Debug)]
pub struct Child {
    pidfd: PidFd,
    /// How it ended, once it has been reaped.
    status: Option<ExitStatus>,
}

impl Child {
    /// Process id, also the id of its session and process group.
    pub fn pid(&self) -> u32 {
        self.pidfd.pid()
    }

    /// The descriptor to poll for its end.
    pub fn pidfd(&self) -> &PidFd {
        &self.pidfd
    }

    /// Waits for the end of the leader and reaps it; the status is kept. `None` if the time ran out first.
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<ExitStatus>, SysError> {
        if self.status.is_some() {
            return Ok(self.status);
        }
        if !self.pidfd.wait_exit(timeout)? {
            return Ok(None);
        }
        self.status = Some(reap(&self.pidfd)?);
        Ok(self.status)
    }

    /// Sends a signal to every process of the group. `false` if there is none, or if the leader
    /// has been reaped: then the number may belong to another process.
    pub fn signal_group(&self, signal: Signal) -> Result<bool, SysError> {
        if self.status.is_some() {
            return Ok(false);
        }
        let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) else {
            return Ok(false);
        };
        match kill_process_group(pid, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(e) => Err(SysError::new("signal group", self.pid().to_string(), e)),
        }
    }
}

/// Reaps a child that has ended. *Source*: the layout of the status is that of wait(2).
fn reap(pidfd: &PidFd) -> Result<ExitStatus, SysError> {
    loop {
        match waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Ok(status) => {
                let exit = status.as_ref().and_then(WaitIdStatus::exit_status);
                let signal = status.as_ref().and_then(WaitIdStatus::terminating_signal);
                let dumped = status.as_ref().is_some_and(WaitIdStatus::dumped);
                let raw = match signal {
                    Some(signal) => signal | if dumped { 0x80 } else { 0 },
                    None => exit.unwrap_or(0) << 8,
                };
                return Ok(ExitStatus::from_raw(raw));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(SysError::new("reap process", pidfd.pid().to_string(), e)),
        }
    }
}

/// Starts the program.
///
/// # Errors
/// [`SpawnError::Start`] with the errno of the step that failed, `ENOENT` among them if the program
/// does not exist. No child is left then.
pub fn spawn(request: SpawnRequest) -> Result<Child, SpawnError> {
    let program = request.program.clone();
    start(request).map_err(|source| SpawnError::Start { program, source })
}

fn start(request: SpawnRequest) -> io::Result<Child> {
    let null = || File::options().read(true).write(true).open("/dev/null");
    let mut fds = Vec::new();
    for stream in [request.stdin, request.stdout, request.stderr] {
        fds.push(stream.map_or_else(|| null().map(OwnedFd::from), Ok)?);
    }
    fds.extend(request.passed);
    let path = c_string(request.program.as_os_str())?;
    let mut args = vec![path.clone()];
    for arg in &request.args {
        args.push(c_string(arg)?);
    }
    let mut env = Vec::new();
    for (name, value) in &request.env {
        let mut pair = name.clone();
        pair.push("=");
        pair.push(value);
        env.push(c_string(&pair)?);
    }
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let plan = Plan {
        image: match &request.image {
            Some(fd) => Image::Descriptor(fd.as_raw_fd()),
            None => Image::Path(&path),
        },
        args: child::pointers(&args),
        env: child::pointers(&env),
        fds: raw,
        parent: request.dies_with_thread.then(std::process::id),
        descriptors: crate::rlimit::descriptors_of_children(),
        failure: 0,
    };
    let (pid, pidfd) = child::run(plan)?;
    Ok(Child {
        pidfd: PidFd::from_parts(pidfd, pid),
        status: None,
    })
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

#[cfg(test)]
mod tests;
