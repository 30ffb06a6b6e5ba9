//! Commands that enter a running guest, through `os-helper enter` (ADR-9).

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use os_api::exec::{ClientFrame, EnterJob, HelperFrame};
use os_sys::{SpawnRequest, receive_frame, send_frame};
use os_types::{ContainerRef, Failure};

use crate::containers::LiveContainer;
use crate::helper_job;
use crate::process::Process;
use crate::record::{self, ProcessId};
use crate::runtime::Runtime;

/// Maximum captured output of a command of ours, in bytes.
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

impl LiveContainer {
    /// A job to run `argv` in the guest, under the seccomp policy of its init; `None` if init has ended.
    pub fn enter_job(&self, argv: Vec<String>, term: &str) -> Option<EnterJob> {
        let init = self.init.as_ref()?;
        let variables = ENVIRONMENT.iter().copied().chain([("TERM", term)]);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let policy = self.seccomp.as_deref();
        Some(EnterJob {
            init_pid: init.pid(),
            init_start: init.start_time(),
            argv,
            environment: variables.collect(),
            terminal: None,
            seccomp: policy.unwrap_or(os_lxc::seccomp::DEFAULT_POLICY).to_owned(),
            ends_guest: false,
        })
    }
}

impl Runtime {
    /// Starts the helper for a client at the other end of `socket`. If the container was started for this
    /// command (`ends_guest`), it is queued as an exit when the helper has ended.
    pub fn enter(
        &self,
        container: &ContainerRef,
        socket: OwnedFd,
        job: &EnterJob,
    ) -> Result<(), Failure> {
        let helper = self.spawn_enter(socket, job)?;
        let Some(live) = self.container(container).filter(|_| job.ends_guest) else {
            self.reaper.child(helper, || ());
            return Ok(());
        };
        let command = Process::open(helper.pid());
        let (exits, container) = (Arc::clone(self.exits()), container.clone());
        self.reaper.child(helper, move || exits.push(container));
        record::update(&live.run, |record| {
            record.command = command.as_ref().map(ProcessId::from);
        })
    }

    fn spawn_enter(&self, socket: OwnedFd, job: &EnterJob) -> Result<os_sys::Child, Failure> {
        let job_file = helper_job::file(job)?;
        let mut request = SpawnRequest::new(self.programs()?.sealed_helper())
            .args(["enter", "1"])
            .stdin(socket)
            .stdout(job_file);
        let groups = self.cgroups.join_fds_of(job.init_pid);
        for procs in groups? {
            request = request.cgroup(procs);
        }
        os_sys::spawn(request).map_err(Failure::from)
    }

    /// Runs a command of ours in the guest and returns the beginning of its output, which is text of the
    /// guest. At the deadline the connection is closed, which ends the command.
    pub(crate) fn capture(&self, job: &EnterJob, deadline: Instant) -> io::Result<String> {
        let (socket, theirs) = UnixStream::pair()?;
        let helper = self.spawn_enter(theirs.into(), job);
        self.reaper.child(helper.map_err(io::Error::other)?, || ());
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let (output, writing) = io::pipe()?;
        let frame = serde_json::to_vec(&ClientFrame::Streams {})?;
        let streams = [null.as_fd(), writing.as_fd(), null.as_fd()];
        send_frame(&socket, &frame, &streams)?;
        drop(writing);
        wait_for_end(&socket, deadline)?;
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
