//! Commands that enter a running guest, through `os-helper` (ADR-9, ADR-14).

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use os_api::exec::{ClientFrame, HelperFrame};
use os_cgroup::CgroupError;
use os_cmd::os_helper::{HelperError, Started};
use os_helper_api::{EnterJob, Job};
use os_sys::{receive_frame, send_frame};
use os_types::{Code, ContainerRef, ContainerState, Failure};

use crate::containers::LiveContainer;
use crate::exits::ExitQueue;
use crate::failure;
use crate::process::Process;
use crate::reaper::ProcessReaper;
use crate::record::{self, ProcessId};
use crate::runtime::Runtime;

/// Maximum captured output of a command, in bytes.
const OUTPUT_LIMIT: u64 = 4096;

/// The environment of every command.
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "/root"),
    ("USER", "root"),
    ("LOGNAME", "root"),
    ("container", "lxc"),
];

/// A command that can enter a running guest.
#[derive(Debug)]
pub struct Entry {
    /// The job for `os-helper`.
    pub job: EnterJob,
    groups: Vec<File>,
}

/// A command that is entering a guest. Dropping it kills the helper.
pub struct Entering {
    started: Started,
    reaper: ProcessReaper,
    exits: Arc<ExitQueue>,
    /// The container that was started for this command, and its runtime directory.
    ends: Option<(ContainerRef, PathBuf)>,
}

impl std::fmt::Debug for Entering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entering").finish_non_exhaustive()
    }
}

impl Entering {
    /// A pipe that the helper writes its answer to and closes when the command runs.
    pub fn pipe(&self) -> Result<OwnedFd, Failure> {
        self.started
            .answer_pipe()
            .map_err(failure::while_doing("wait for os-helper"))
    }

    /// Lets the helper go on, whose answer is `said`; `None`: it gave none within [`Entry::TIMEOUT`], and is
    /// killed.
    pub fn finish(self, said: Option<&[u8]>) -> Result<(), Failure> {
        let settled = match said {
            Some(said) => self.started.attending(said),
            None => Err(HelperError::TimedOut {
                after: Entry::TIMEOUT,
            }),
        };
        let child = settled?;
        let Some((container, run)) = self.ends else {
            self.reaper.child(child, || ());
            return Ok(());
        };
        let command = Process::open(child.pid());
        let exits = self.exits;
        self.reaper.child(child, move || exits.push(container));
        record::update(&run, |record| {
            record.command = command.as_ref().map(ProcessId::from);
        })
    }
}

impl Entry {
    /// Deadline from the start of the helper until the command runs. What the guest has a hand in may hold
    /// it up: its control groups, its terminals, its file systems.
    pub const TIMEOUT: Duration = Duration::from_secs(15);
}

impl Runtime {
    /// A job to run `argv` in the guest, under the seccomp policy of its init.
    ///
    /// *Errors*: [`Code::ContainerState`] if init has ended or the guest is frozen, by itself or by others.
    pub fn entry(
        &self,
        container: &ContainerRef,
        live: &LiveContainer,
        argv: Vec<String>,
        term: &str,
    ) -> Result<Entry, Failure> {
        let ended = || {
            let text = format!("container {container} is {}", ContainerState::Stopping);
            Failure::new(Code::ContainerState, text).about(format!("container {container}"))
        };
        let init = live.init.as_ref().ok_or_else(ended)?;
        let variables = ENVIRONMENT.iter().copied().chain([("TERM", term)]);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let policy = live.seccomp.as_deref();
        let job = EnterJob {
            init_pid: init.pid(),
            init_start: init.start_time(),
            argv,
            environment: variables.collect(),
            terminal: None,
            seccomp: policy.unwrap_or(os_lxc::seccomp::DEFAULT_POLICY).to_owned(),
            ends_guest: false,
        };
        let groups = self.groups_of(container, init)?;
        Ok(Entry { job, groups })
    }

    /// The files by which a helper joins the control groups of a guest.
    pub(crate) fn groups_of(
        &self,
        container: &ContainerRef,
        init: &Process,
    ) -> Result<Vec<File>, Failure> {
        self.cgroups
            .join_fds_of(init.pid())
            .map_err(|error| match error {
                CgroupError::Frozen { .. } => {
                    let text = format!("container {container} is frozen: {error}");
                    Failure::new(Code::ContainerState, text)
                        .about(format!("container {container}"))
                        .next(format!(
                            "osctl ct unfreeze {container}, or osctl ct stop --kill {container}"
                        ))
                }
                error => error.into(),
            })
    }

    /// Starts the helper for a client at the other end of `socket`, and returns at once. If the container
    /// was started for this command (`ends_guest`), it is queued as an exit when the helper has ended.
    pub fn enter(
        &self,
        container: &ContainerRef,
        socket: OwnedFd,
        entry: Entry,
    ) -> Result<Entering, Failure> {
        let live = self.container(container).filter(|_| entry.job.ends_guest);
        Ok(Entering {
            started: self.start_helper(socket, entry)?,
            reaper: self.reaper.clone(),
            exits: Arc::clone(self.exits()),
            ends: live.map(|live| (container.clone(), live.run)),
        })
    }

    fn start_helper(&self, socket: OwnedFd, entry: Entry) -> Result<Started, Failure> {
        let helper = &self.programs()?.helper;
        Ok(helper.start(Job::Enter(entry.job), entry.groups, vec![socket])?)
    }

    /// Runs a command in the guest and returns the beginning of its output, which is text of the
    /// guest. At the deadline the connection is closed, which ends the command.
    pub(crate) fn capture(&self, entry: Entry, deadline: Instant) -> io::Result<String> {
        let (socket, theirs) = UnixStream::pair()?;
        // Dropped at the end: a helper that has not entered the guest by then is killed.
        let started = self.start_helper(theirs.into(), entry);
        let started = started.map_err(io::Error::other)?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (output, writing) = io::pipe()?;
        let frame = serde_json::to_vec(&ClientFrame::Streams {})?;
        let streams = [null.as_fd(), writing.as_fd(), null.as_fd()];
        send_frame(&socket, &frame, &streams)?;
        drop(writing);
        wait_for_end(&socket, deadline)?;
        drop(started);
        // The command has ended, so its output is complete.
        rustix::io::ioctl_fionbio(&output, true)?;
        let mut text = Vec::new();
        match output.take(OUTPUT_LIMIT).read_to_end(&mut text) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Waits until the helper reports that the command has ended.
fn wait_for_end(socket: &UnixStream, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let Some((body, _fds)) = receive_frame(socket)? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        match serde_json::from_slice(&body)? {
            HelperFrame::Started {} => {}
            HelperFrame::Exited { .. } | HelperFrame::Killed { .. } => return Ok(()),
            HelperFrame::Failed { message, .. } => return Err(io::Error::other(message)),
        }
    }
}
