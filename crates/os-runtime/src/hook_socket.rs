//! The socket that LXC's hooks connect to.
//!
//! The kernel says which process the peer is and in which control group; the message names no container.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use os_lxc::{HookAnswer, HookMessage};
use os_sys::PidFd;

use crate::process;

/// Maximum length of a message, one line, in bytes.
const MESSAGE_LIMIT: u64 = 64 << 10;

/// Timeout for receiving a message and for sending the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of hooks at the same time; more are refused.
const MAX_HOOKS: usize = 256;

/// Maximum number for one container. LXC runs its hooks one at a time, so more of them is an attempt to
/// keep others from being heard.
const MAX_HOOKS_OF_ONE: usize = 4;

/// A hook that waits for its answer.
#[derive(Debug)]
pub(crate) struct HookCall {
    /// Its message.
    pub(crate) message: HookMessage,
    /// Process id of the peer, which is in the namespaces of the hook.
    pub(crate) pid: u32,
    /// Where the answer goes.
    pub(crate) answer: Sender<HookAnswer>,
}

impl HookCall {
    /// Answers the hook. It may be gone by now; then the monitor ends, too, and that is noticed.
    pub(crate) fn answer_with(&self, answer: HookAnswer) {
        drop(self.answer.send(answer));
    }
}

/// What a start waits for.
#[derive(Debug)]
pub(crate) enum StartEvent {
    /// A hook of the container.
    Hook(HookCall),
    /// The monitor has ended.
    MonitorEnded,
}

/// A start that waits for hooks; `heard` is shared by the hooks that are being answered, to count them.
#[derive(Debug, Clone)]
struct PendingStart {
    sender: Sender<StartEvent>,
    heard: Arc<()>,
}

/// The starts that wait for hooks, by control group of the container.
#[derive(Debug, Clone, Default)]
pub(crate) struct PendingStarts(Arc<Mutex<HashMap<String, PendingStart>>>);

impl PendingStarts {
    /// From now on, hooks from that control group and below are sent to the receiver.
    pub(crate) fn expect(&self, cgroup: &str) -> (Sender<StartEvent>, Receiver<StartEvent>) {
        let (sender, receiver) = channel();
        let waiting = PendingStart {
            sender: sender.clone(),
            heard: Arc::new(()),
        };
        self.lock().insert(cgroup.to_owned(), waiting);
        (sender, receiver)
    }

    /// The start has ended.
    pub(crate) fn forget(&self, cgroup: &str) {
        self.lock().remove(cgroup);
    }

    /// The start of the container that has the group `path`, or one above it.
    fn find(&self, path: &str) -> Option<PendingStart> {
        let table = self.lock();
        let mut path = Some(path);
        while let Some(at) = path {
            if let Some(waiting) = table.get(at) {
                return Some(waiting.clone());
            }
            path = at.rsplit_once('/').map(|(above, _)| above);
        }
        None
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, PendingStart>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens at `socket` with a dedicated thread. Everybody may connect; a peer outside of our control
/// groups is refused.
pub(crate) fn listen(socket: &Path, parent: String, pending: PendingStarts) -> io::Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666))?;
    let count = Arc::new(());
    let thread = std::thread::Builder::new().name("hooks".to_owned());
    let listening = thread.spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                continue;
            };
            if Arc::strong_count(&count) > MAX_HOOKS {
                tracing::warn!("too many hooks at once");
                continue;
            }
            let (parent, pending) = (parent.clone(), pending.clone());
            let held = Arc::clone(&count);
            let thread = std::thread::Builder::new().name("hook".to_owned());
            let answering = thread.spawn(move || {
                if let Err(error) = answer(&stream, &parent, &pending) {
                    tracing::warn!(%error, "a hook was not answered");
                }
                drop(held);
            });
            if let Err(error) = answering {
                tracing::error!(%error, "cannot answer a hook");
            }
        }
    });
    listening.map(drop)
}

fn answer(stream: &UnixStream, parent: &str, pending: &PendingStarts) -> io::Result<()> {
    let Some((pid, cgroup)) = peer(stream, parent) else {
        return Err(io::Error::other("the peer is in no container"));
    };
    let Some(waiting) = pending.find(&cgroup) else {
        // No start waits: a hook of the end, whose facts come from the kernel.
        return send(stream, &HookAnswer::Continue);
    };
    // The table has one share, and each hook that is being answered has another.
    if Arc::strong_count(&waiting.heard) > MAX_HOOKS_OF_ONE + 1 {
        return Err(io::Error::other("too many hooks of one container at once"));
    }
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream.take(MESSAGE_LIMIT)).read_line(&mut line)?;
    let message: HookMessage = serde_json::from_str(&line)?;
    let (sender, receiver) = channel();
    let call = HookCall {
        message,
        pid,
        answer: sender,
    };
    if waiting.sender.send(StartEvent::Hook(call)).is_err() {
        return send(stream, &HookAnswer::Continue);
    }
    // The start has a deadline; when it drops the sender, this wait ends.
    let decided = receiver.recv().unwrap_or(HookAnswer::Continue);
    send(stream, &decided)
}

fn send(mut stream: &UnixStream, answer: &HookAnswer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// The peer and its control group below our parent group. The process is held meanwhile, so that its
/// number cannot be reused by another one.
fn peer(stream: &UnixStream, parent: &str) -> Option<(u32, String)> {
    let credentials = os_sys::peer_credentials(stream).ok()?;
    let pid = u32::try_from(credentials.pid).ok()?;
    let held = PidFd::open(pid).ok()??;
    let cgroup = process::cgroup_below(pid, parent)?;
    let alive = !held.wait_exit(Duration::ZERO).ok()?;
    alive.then_some((pid, cgroup))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_finds_the_start_of_its_container() {
        let pending = PendingStarts::default();
        let (_, receiver) = pending.expect("pool.tank/group.default/user.a/ct.a");
        let inside = "pool.tank/group.default/user.a/ct.a/user-owned/lxc.monitor.a";
        let waiting = pending.find(inside).unwrap();
        waiting.sender.send(StartEvent::MonitorEnded).unwrap();
        assert!(matches!(receiver.try_recv(), Ok(StartEvent::MonitorEnded)));
        assert!(
            pending
                .find("pool.tank/group.default/user.a/ct.ab")
                .is_none()
        );
        assert!(pending.find("pool.tank").is_none());
        pending.forget("pool.tank/group.default/user.a/ct.a");
        assert!(pending.find(inside).is_none());
    }
}
