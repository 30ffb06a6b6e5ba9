//! Commands that come into a running guest, through `os-helper enter` (ADR-9).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use os_api::exec::{ClientFrame, EnterJob, HelperFrame};
use os_sys::{SpawnRequest, receive_frame, send_frame};
use os_types::{Code, Failure, chain};
use rustix::fs::MemfdFlags;

use super::Slot;
use crate::host::Steps;

/// Of what a command of ours prints in a guest, so much is read.
const OUTPUT_LIMIT: u64 = 4096;

/// What every command finds, whoever asks for it.
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

/// The command `argv` in the guest of this slot, under the seccomp policy that its init has got; `None`
/// if that is gone.
pub(crate) fn job(slot: &Slot, argv: Vec<String>, term: &str) -> Option<EnterJob> {
    let init_pid = slot.init_pid()?;
    let fixed = ENVIRONMENT.iter().copied().chain([("TERM", term)]);
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(EnterJob {
        init_pid,
        init_start: super::start_time(init_pid)?,
        argv,
        environment: fixed.collect(),
        terminal: None,
        seccomp: slot
            .seccomp
            .as_deref()
            .unwrap_or(os_lxc::seccomp::DEFAULT_POLICY)
            .to_owned(),
        ends_guest: false,
    })
}

/// Starts the helper for a client at the other end of `socket`; `then` is run when it has ended.
pub(crate) fn spawn(
    host: &Steps,
    socket: OwnedFd,
    job: &EnterJob,
    then: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let text = serde_json::to_vec(job).unwrap_or_default();
    let memory = rustix::fs::memfd_create("enter", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(|errno| system(errno.into()))?);
    memory.write_all(&text).map_err(system)?;
    let mut request = SpawnRequest::new(host.lxc()?.program())
        .args(["enter", "1"])
        .stdin(socket)
        .stdout(OwnedFd::from(memory));
    let groups = host.cgroups().join_fds_of(job.init_pid);
    for procs in groups.map_err(|error| Failure::new(Code::Step, chain(&error)))? {
        request = request.cgroup(procs);
    }
    let child = os_sys::spawn(request);
    let child = child.map_err(|error| Failure::new(Code::Step, chain(&error)))?;
    host.runtime().watch.child(child, then);
    Ok(())
}

/// Runs a command of ours in the guest and returns the beginning of what it prints; the guest may
/// print anything. It is hung up on at the deadline.
pub(crate) fn capture(host: &Steps, job: &EnterJob, deadline: Instant) -> io::Result<String> {
    let (socket, theirs) = UnixStream::pair()?;
    spawn(host, theirs.into(), job, || ()).map_err(io::Error::other)?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let (output, writing) = io::pipe()?;
    let frame = serde_json::to_vec(&ClientFrame::Streams {})?;
    let streams = [null.as_fd(), writing.as_fd(), null.as_fd()];
    send_frame(&socket, &frame, &streams)?;
    drop(writing);
    wait_for_end(&socket, deadline)?;
    // It has ended: what is not in the pipe by now does not come.
    rustix::io::ioctl_fionbio(&output, true)?;
    let mut text = Vec::new();
    match output.take(OUTPUT_LIMIT).read_to_end(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
        _ => {}
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Waits until the helper says that the command has ended.
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

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that it can be named where an error is mapped"
)]
fn system(error: io::Error) -> Failure {
    Failure::new(Code::Step, error.to_string())
}
