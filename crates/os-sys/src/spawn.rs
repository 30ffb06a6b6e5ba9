//! Starting a program in a session, and optionally in cgroups, of its own.
//!
//! `std::process::Command` does the fork and reports a failed exec through a pipe; what it cannot do is
//! done in its pre-exec hook, in the child:
//!
//! ```text
//! fork ─ become user ─ reset signals ─ setsid ─ die with thread ─ join cgroups ─ exec
//! ```
//!
//! Joining happens *before* exec, so that there is no moment at which the program, or anything it
//! starts, is outside of its cgroups. `clone3(CLONE_INTO_CGROUP)` was refused: it exists for v2
//! only and takes one cgroup, a hybrid host needs several.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal};

use crate::{PidFd, SysError};

/// What to start. Standard streams not given are `/dev/null`; the environment starts empty.
#[derive(Debug)]
pub struct SpawnRequest {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cgroups: Vec<File>,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    directory: PathBuf,
    user: Option<u32>,
    dies_with_thread: bool,
}

impl SpawnRequest {
    /// A program by absolute path; no search path is used.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cgroups: Vec::new(),
            stdin: None,
            stdout: None,
            stderr: None,
            directory: PathBuf::from("/"),
            user: None,
            dies_with_thread: false,
        }
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

    /// Adds a cgroup to join: its `cgroup.procs`, open for writing.
    #[must_use]
    pub fn cgroup(mut self, procs: File) -> Self {
        self.cgroups.push(procs);
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

    /// Sets the working directory; `/` if not given.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Sets the user and group, both with this id; supplementary groups are dropped. Cgroups are
    /// joined nevertheless: what counts is who opened their files.
    #[must_use]
    pub fn user(mut self, id: u32) -> Self {
        self.user = Some(id);
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
    /// Fork, joining a cgroup or exec failed; the child is gone.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The child runs no more: no pidfd could be had, so it was killed.
    #[error("cannot watch {}", program.display())]
    Watch {
        /// The program.
        program: PathBuf,
        /// What the kernel said.
        source: SysError,
    },
}

/// A started program: leader of its own session and process group.
///
/// Dropping it neither kills nor reaps. As long as it has not been reaped its number, and with it
/// the number of its group, cannot be reused.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    pidfd: PidFd,
    reaped: bool,
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

    /// Gives up the child but for its pidfd: it goes on, and is reaped by whoever waits for it.
    pub fn into_pidfd(self) -> PidFd {
        self.pidfd
    }

    /// Waits for the end of the leader and reaps it. `None` if the time ran out first.
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<ExitStatus>, SysError> {
        if !self.pidfd.wait_exit(timeout)? {
            return Ok(None);
        }
        let pid = self.pid().to_string();
        let status = self
            .inner
            .wait()
            .map_err(|e| SysError::new("reap process", pid, e))?;
        self.reaped = true;
        Ok(Some(status))
    }

    /// Sends a signal to every process of the group. `false` if there is none, or if the leader
    /// has been reaped: then the number may belong to somebody else.
    pub fn signal_group(&self, signal: Signal) -> Result<bool, SysError> {
        if self.reaped {
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

/// Starts the program.
///
/// *Errors*: [`SpawnError::Start`] with the errno of the step that failed, `ENOENT` among them if
/// the program does not exist.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts programs; os_cmd is built on it"
)]
pub fn spawn(request: SpawnRequest) -> Result<Child, SpawnError> {
    let program = request.program;
    let stdio = |fd: Option<OwnedFd>| fd.map_or_else(Stdio::null, Stdio::from);
    let mut command = Command::new(&program);
    command
        .args(&request.args)
        .env_clear()
        .envs(request.env)
        .current_dir(&request.directory)
        .stdin(stdio(request.stdin))
        .stdout(stdio(request.stdout))
        .stderr(stdio(request.stderr));
    if let Some(id) = request.user {
        command.uid(id).gid(id);
    }
    let cgroups = request.cgroups;
    let raw: Vec<RawFd> = cgroups.iter().map(AsRawFd::as_raw_fd).collect();
    let parent = request.dies_with_thread.then(std::process::id);
    // SAFETY: the hook runs in the forked child of a possibly multi-threaded process, so it may
    // only do what signal-safety(7) allows: it calls signal, setsid, prctl, getppid and write, walks
    // a vector made before the fork, and builds its errors from errno, none of which allocates or
    // locks. The descriptors in `raw` are open in the child because `cgroups` lives until after the
    // spawn.
    unsafe { command.pre_exec(move || prepare_child(&raw, parent)) };
    let mut inner = match command.spawn() {
        Ok(child) => child,
        Err(source) => return Err(SpawnError::Start { program, source }),
    };
    drop(cgroups);
    // The pid cannot have been reused: the child is ours and nobody has reaped it.
    match PidFd::open(inner.id()) {
        Ok(Some(pidfd)) => Ok(Child {
            inner,
            pidfd,
            reaped: false,
        }),
        Ok(None) => Err(abandon(
            &mut inner,
            &program,
            io::Error::from_raw_os_error(libc::ESRCH),
        )),
        Err(e) => {
            let source = io::Error::from_raw_os_error(e.errno().unwrap_or(libc::EIO));
            Err(abandon(&mut inner, &program, source))
        }
    }
}

fn abandon(child: &mut std::process::Child, program: &Path, source: io::Error) -> SpawnError {
    let source = match child.kill().and_then(|()| child.wait()) {
        Ok(_) => source,
        Err(second) => second,
    };
    SpawnError::Watch {
        program: program.to_owned(),
        source: SysError::new("open process", child.id().to_string(), source),
    }
}

/// Runs between fork and exec: async-signal-safe calls only.
fn prepare_child(cgroups: &[RawFd], parent: Option<u32>) -> io::Result<()> {
    // Ignored and blocked signals survive exec, and std resets only SIGPIPE. A container would hand them on to
    // all its processes: runit blocks SIGPWR for whom it starts, and inits wait for that one. SIGKILL, SIGSTOP
    // and the two numbers that libc keeps for itself refuse, which is right.
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is a valid disposition for any number; a refused number changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let none = no_signals();
    // SAFETY: the pointer is to a set of this frame, and no old mask is asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
    // SAFETY: setsid takes no argument; a freshly forked child is no group leader, so it succeeds.
    if unsafe { libc::setsid() } < 0 {
        return Err(io::Error::last_os_error());
    }
    if let Some(parent) = parent {
        die_with(parent)?;
    }
    for fd in cgroups {
        // "0" is the writing process itself: no pid to format, which would need an allocation.
        // SAFETY: the buffer is a static of one byte and the length says so; the descriptor is
        // open (see the caller) and close-on-exec, so the program does not inherit it.
        let written = unsafe { libc::write(*fd, c"0".as_ptr().cast(), 1) };
        if written != 1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The empty set.
fn no_signals() -> libc::sigset_t {
    // SAFETY: a sigset_t is integers, for which all zeroes is a value.
    unsafe { std::mem::zeroed() }
}

/// Runs between fork and exec: async-signal-safe calls only.
fn die_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the request: nobody would send the signal.
    let now = getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == parent {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

#[cfg(test)]
mod tests;
