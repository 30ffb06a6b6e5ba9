//! The socket that LXC's hooks speak to.
//!
//! Who is speaking is found out from the kernel: the peer's process, and the control group it is in.
//! A name that it might tell is not even read.

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

use super::process;

/// A message is a line of at most so many bytes.
const LIMIT: u64 = 64 << 10;

/// A peer has so long to say it, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many hooks at the same time; more are turned away.
const MOST: usize = 256;

/// So many of one container: it has one at a time, unless somebody in it means to hold up others.
const MOST_OF_ONE: usize = 4;

/// A hook that waits for its answer.
#[derive(Debug)]
pub(crate) struct Called {
    /// What it says.
    pub(crate) message: HookMessage,
    /// The process that says it, in the namespaces of the hook.
    pub(crate) pid: u32,
    /// Where the answer goes.
    pub(crate) answer: Sender<HookAnswer>,
}

/// What somebody who starts a container waits for.
#[derive(Debug)]
pub(crate) enum News {
    /// A hook of the container.
    Hook(Called),
    /// Its monitor has ended.
    MonitorEnded,
}

/// Somebody who waits for hooks, and how many of them are being heard.
#[derive(Debug, Clone)]
struct Waiting {
    sender: Sender<News>,
    heard: Arc<()>,
}

/// The containers whose hooks somebody waits for, by control group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected(Arc<Mutex<HashMap<String, Waiting>>>);

impl Expected {
    /// From now on, hooks from that control group and below come to the receiver.
    pub(crate) fn expect(&self, cgroup: &str) -> (Sender<News>, Receiver<News>) {
        let (sender, receiver) = channel();
        let waiting = Waiting {
            sender: sender.clone(),
            heard: Arc::new(()),
        };
        self.lock().insert(cgroup.to_owned(), waiting);
        (sender, receiver)
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&self, cgroup: &str) {
        self.lock().remove(cgroup);
    }

    /// Who waits for hooks of the container that has the group `path`, or one above it.
    fn who(&self, path: &str) -> Option<Waiting> {
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens at `socket` with a thread of its own. Everybody may connect: who is in no control group of
/// ours is turned away.
pub(crate) fn listen(socket: &Path, parent: String, expected: Expected) -> io::Result<()> {
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
            if Arc::strong_count(&count) > MOST {
                tracing::warn!("too many hooks at once");
                continue;
            }
            let (parent, expected) = (parent.clone(), expected.clone());
            let held = Arc::clone(&count);
            let thread = std::thread::Builder::new().name("hook".to_owned());
            let answering = thread.spawn(move || {
                if let Err(error) = answer(&stream, &parent, &expected) {
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

fn answer(stream: &UnixStream, parent: &str, expected: &Expected) -> io::Result<()> {
    let Some((pid, cgroup)) = peer(stream, parent) else {
        return Err(io::Error::other("the peer is in no container"));
    };
    let Some(waiting) = expected.who(&cgroup) else {
        // Nobody starts it: the hook of an end, whose facts we have from the kernel.
        return say(stream, &HookAnswer::Continue);
    };
    // The table has one share of it, and each that is being heard another.
    if Arc::strong_count(&waiting.heard) > MOST_OF_ONE + 1 {
        return Err(io::Error::other("too many hooks of one container at once"));
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LIMIT)).read_line(&mut line)?;
    let message: HookMessage = serde_json::from_str(&line)?;
    let (sender, receiver) = channel();
    let called = Called {
        message,
        pid,
        answer: sender,
    };
    if waiting.sender.send(News::Hook(called)).is_err() {
        return say(stream, &HookAnswer::Continue);
    }
    // The one who starts has deadlines of its own; dropping the sender ends this wait.
    let decided = receiver.recv().unwrap_or(HookAnswer::Continue);
    say(stream, &decided)
}

fn say(mut stream: &UnixStream, answer: &HookAnswer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// The peer and its control group below our parent group. The process is held while it is looked at,
/// so that its number cannot come to mean another one.
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
    fn a_hook_finds_who_waits_for_its_container() {
        let expected = Expected::default();
        let (_, receiver) = expected.expect("pool.tank/group.default/user.a/ct.a");
        let inside = "pool.tank/group.default/user.a/ct.a/user-owned/lxc.monitor.a";
        let waiting = expected.who(inside).unwrap();
        waiting.sender.send(News::MonitorEnded).unwrap();
        assert!(matches!(receiver.try_recv(), Ok(News::MonitorEnded)));
        assert!(
            expected
                .who("pool.tank/group.default/user.a/ct.ab")
                .is_none()
        );
        assert!(expected.who("pool.tank").is_none());
        expected.forget("pool.tank/group.default/user.a/ct.a");
        assert!(expected.who(inside).is_none());
    }
}
