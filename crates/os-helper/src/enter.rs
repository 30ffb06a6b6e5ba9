//! Running a command in a running container, for a client at the other end of a socket (ADR-9).
//!
//! ```text
//!   this process    in the container's control group, host's pid namespace, guest's other namespaces;
//!      │            speaks with the client, cannot be traced, is invisible in the guest
//!      └─ fork ──>  in the guest's pid namespace: session, streams, seccomp, exec
//! ```

mod bounds;
mod command;
mod filter;

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use os_api::exec::{ClientFrame, HelperFrame, TerminalSize};
use os_helper_api::{Answer, EnterJob, WindowSize};
use os_sys::{Forked, PidFd, Signal, Terminal, receive_frame, send_frame};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Gid, Uid};
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::channel::Channel;
use bounds::Bounds;

/// The file system of pipes without a name, linux/magic.h.
const PIPEFS: i64 = 0x5049_5045;

/// After its client is gone a command has so long to end before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Runs with the client's socket as the only descriptor that was passed.
pub(crate) fn run(job: &EnterJob, passed: Vec<OwnedFd>, channel: Channel) -> ExitCode {
    let Some(socket) = passed.into_iter().next() else {
        return crate::usage("enter: there is no socket of a client");
    };
    let socket = UnixStream::from(socket);
    let init = hold(job);
    let mut channel = Some(channel);
    let mut attend = || {
        channel
            .take()
            .map(|channel| channel.answer(&Answer::Attending))
    };
    let ended = init.as_ref().map_err(Refusal::clone);
    let ended = ended.and_then(|init| enter(job, init, &socket, &mut attend));
    // If the command does not run, this also reports it to the client.
    attend();
    let end = ended.unwrap_or_else(|refusal| HelperFrame::Failed {
        status: refusal.status,
        message: refusal.message,
    });
    if let (true, Ok(init)) = (job.ends_guest, &init) {
        end_guest(init);
    }
    match tell(&socket, &end, &[]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(3),
    }
}

/// The guest was started only for this command. When the client learns that the command has exited, the
/// container has stopped, too.
fn end_guest(init: &PidFd) {
    // If it cannot be killed, the clean-up of the container reports that.
    drop(init.send_signal(Signal::KILL));
    drop(init.wait_exit(GRACE));
}

/// Why a command does not run, and the status a shell would have for it.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u8,
    message: String,
}

impl Refusal {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that it can be named where an error is mapped"
    )]
    fn new(message: impl ToString) -> Self {
        Self {
            status: 125,
            message: message.to_string(),
        }
    }
}

fn tell(
    socket: &UnixStream,
    frame: &HelperFrame,
    fds: &[std::os::fd::BorrowedFd<'_>],
) -> io::Result<()> {
    send_frame(socket, &serde_json::to_vec(frame)?, fds)
}

fn enter(
    job: &EnterJob,
    init: &PidFd,
    socket: &UnixStream,
    attending: &mut dyn FnMut() -> Option<ExitCode>,
) -> Result<HelperFrame, Refusal> {
    let streams = first_frame(socket)?;
    let program = filter::compile(&job.seccomp).map_err(Refusal::new)?;
    let bounds = Bounds::of(init.pid())?;
    give_away(&streams, init.pid())?;
    os_sys::enter_guest(init).map_err(|error| Refusal::new(os_types::chain(&error)))?;
    os_sys::become_user(0).map_err(|error| Refusal::new(os_types::chain(&error)))?;
    let terminal = match job.terminal {
        Some(size) => Some(terminal(size)?),
        None => None,
    };
    let mut streams = streams;
    if let Some(Terminal { slave, .. }) = &terminal {
        let copy = || slave.try_clone().map_err(Refusal::new);
        streams = vec![copy()?, copy()?, copy()?];
    }
    if streams.len() != 3 {
        return Err(Refusal::new("the client sent no streams"));
    }
    let (mut said, saying) = io::pipe().map_err(Refusal::new)?;
    let forked = os_sys::fork().map_err(|error| Refusal::new(os_types::chain(&error)))?;
    let Forked::Parent(pid) = forked else {
        let refusal = command::become_it(job, &streams, terminal.is_some(), (bounds, &program));
        command::report(saying, &refusal);
    };
    drop((saying, streams));
    let child = PidFd::open(pid).ok().flatten();
    let child = child.ok_or_else(|| Refusal::new("the command is gone"))?;
    if let Some(refusal) = command::refusal(&mut said) {
        reap(&child)?;
        return Err(refusal);
    }
    // The command runs: from now on it may take as long as it likes.
    attending();
    let master = terminal.map(|terminal| terminal.master);
    let fds: Vec<_> = master.iter().map(|master| master.as_fd()).collect();
    let started = tell(socket, &HelperFrame::Started {}, &fds);
    attend(socket, &child, master.as_ref(), started.is_err())
}

/// The streams that the client sends first. osctld kills this process if they do not come in time.
fn first_frame(socket: &UnixStream) -> Result<Vec<OwnedFd>, Refusal> {
    let received = receive_frame(socket).map_err(Refusal::new)?;
    let (body, fds) = received.ok_or_else(|| Refusal::new("the client is gone"))?;
    match serde_json::from_slice(&body).map_err(Refusal::new)? {
        ClientFrame::Streams {} | ClientFrame::Terminal {} => Ok(fds),
        _ => Err(Refusal::new("the first frame has to bring the streams")),
    }
}

/// The client's pipes become the guest's, or a program in there could not open `/dev/stderr`: it is a
/// name for the pipe, and pipes have owners. Nothing but a pipe without a name is touched.
fn give_away(streams: &[OwnedFd], init: u32) -> Result<(), Refusal> {
    let root = |kind| crate::process::outside_of_root(init, kind);
    let Some((uid, gid)) = root("uid").zip(root("gid")) else {
        return Err(Refusal::new("the container does not run any more"));
    };
    for stream in streams {
        let is_pipe = rustix::fs::fstatfs(stream).map_err(Refusal::new)?.f_type == PIPEFS;
        if is_pipe {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::fs::fchown(stream, Some(uid), Some(gid)).map_err(Refusal::new)?;
        }
    }
    Ok(())
}

/// Init, held so that its number cannot come to mean another process.
fn hold(job: &EnterJob) -> Result<PidFd, Refusal> {
    crate::process::hold(job.init_pid, job.init_start).map_err(Refusal::new)
}

fn terminal(size: WindowSize) -> Result<Terminal, Refusal> {
    let made = os_sys::new_terminal().map_err(|error| Refusal::new(os_types::chain(&error)))?;
    let WindowSize { rows, columns } = size;
    resize(&made.master, TerminalSize { rows, columns });
    Ok(made)
}

/// A size that the terminal does not take is ignored.
fn resize(master: &OwnedFd, size: TerminalSize) {
    let size = Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(master, size).unwrap_or_default();
}

/// Attends to the client until the command has ended.
fn attend(
    socket: &UnixStream,
    child: &PidFd,
    master: Option<&OwnedFd>,
    mut deserted: bool,
) -> Result<HelperFrame, Refusal> {
    let mut kill_at = None;
    loop {
        if deserted && kill_at.is_none() {
            signal(child, Signal::HUP);
            kill_at = Some(Instant::now() + GRACE);
        }
        let left = kill_at.map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            signal(child, Signal::KILL);
        }
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(0),
            tv_nsec: i64::from(left.subsec_nanos()).max(1_000_000),
        });
        let interest = if deserted {
            PollFlags::empty()
        } else {
            PollFlags::IN
        };
        let mut fds = [
            PollFd::new(child, PollFlags::IN),
            PollFd::new(socket, interest),
        ];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Refusal::new(errno)),
        }
        let [ended, spoken] = fds.map(|fd| fd.revents());
        if !ended.is_empty() {
            return reap(child);
        }
        if !deserted && !spoken.is_empty() {
            deserted = !obey(socket, child, master);
        }
    }
}

/// Does what the client says; `false` if it is gone.
fn obey(socket: &UnixStream, child: &PidFd, master: Option<&OwnedFd>) -> bool {
    let Ok(Some((body, _fds))) = receive_frame(socket) else {
        return false;
    };
    match serde_json::from_slice(&body) {
        Ok(ClientFrame::Signal { signal: number }) => {
            if let Some(number) = os_sys::signal_of(number) {
                signal(child, number);
            }
            true
        }
        Ok(ClientFrame::Resize { size }) => {
            if let Some(master) = master {
                resize(master, size);
            }
            true
        }
        // Treat a client that violates the protocol as disconnected.
        _ => false,
    }
}

/// Signals the command's process group; it is the leader of its own session.
fn signal(child: &PidFd, number: Signal) {
    let pid = i32::try_from(child.pid())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // The leader is not reaped before, so its number is still the group's.
    let sent = pid.map(|pid| rustix::process::kill_process_group(pid, number));
    if !matches!(sent, Some(Ok(()))) {
        drop(child.send_signal(number));
    }
}

fn reap(child: &PidFd) -> Result<HelperFrame, Refusal> {
    let status = waitid(WaitId::PidFd(child.as_fd()), WaitIdOptions::EXITED);
    let status = status.map_err(Refusal::new)?;
    Ok(frame(status.as_ref()))
}

fn frame(status: Option<&WaitIdStatus>) -> HelperFrame {
    let signal = status.and_then(WaitIdStatus::terminating_signal);
    let exit = status.and_then(WaitIdStatus::exit_status);
    match (signal, exit) {
        (Some(signal), _) => HelperFrame::Killed { signal },
        (None, exit) => HelperFrame::Exited {
            status: exit
                .and_then(|status| u8::try_from(status).ok())
                .unwrap_or(255),
        },
    }
}
