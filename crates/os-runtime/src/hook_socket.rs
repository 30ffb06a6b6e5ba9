//! The socket that LXC's hooks connect to (ADR-14).
//!
//! A hook is heard only if it is in the process tree that the start of a container has created: the
//! kernel says which process the peer is, and its ancestors, each held while it is looked at, lead to the
//! monitor of a start that waits for this hook. That a process is in a container's control group, or belongs
//! to the container's user, proves nothing: the user can bring that about. Everybody else is refused
//! without a word being read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use os_lxc::{HookAnswer, HookMessage, HookName};
use os_sys::PidFd;

/// Maximum length of a message, one line, in bytes.
const MESSAGE_LIMIT: u64 = 64 << 10;

/// Timeout for receiving a message and for sending the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of hooks of one start at the same time. LXC runs its hooks one at a time.
const MAX_HOOKS: usize = 4;

/// Maximum number of steps from a hook to its monitor: the shell that LXC runs it in, LXC's child that
/// becomes init, and some to spare.
const MAX_DEPTH: usize = 8;

/// Refused peers are logged at most this often; anybody on the host can connect.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum number of refused connections of one user in [`REFUSAL_INTERVAL`]. Further ones are closed
/// without inspecting the processes, so a user who connects in a loop does not slow down starts of others.
const MAX_REFUSALS: u32 = 16;

/// See [`MAX_REFUSALS`].
const REFUSAL_INTERVAL: Duration = Duration::from_secs(1);

/// A hook that waits for its answer.
#[derive(Debug)]
pub(crate) struct HookCall {
    /// Its message.
    pub(crate) message: HookMessage,
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
    /// LXC has written to the log of the container. There is no other such event until this is dropped.
    Logged(Arc<()>),
    /// The monitor has ended.
    MonitorEnded,
}

/// A start that waits for hooks.
#[derive(Debug)]
struct PendingStart {
    sender: Sender<StartEvent>,
    /// Hooks that have not come yet; each comes once.
    expected: BTreeSet<HookName>,
    /// Shared with the hooks that are being answered, to count them.
    heard: Arc<()>,
}

/// The starts that wait for hooks.
#[derive(Debug, Clone, Default)]
pub(crate) struct PendingStarts {
    /// By process id of the monitor, which is not reaped before it is forgotten.
    table: Arc<Mutex<BTreeMap<u32, PendingStart>>>,
    /// Held from before a monitor is spawned until it is in the table.
    spawning: Arc<RwLock<()>>,
}

/// Forgets the start when it is dropped.
#[derive(Debug)]
pub(crate) struct Expectation {
    starts: PendingStarts,
    monitor: u32,
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.starts.lock().remove(&self.monitor);
    }
}

impl PendingStarts {
    /// To be held while a monitor is spawned and until [`PendingStarts::expect`] has returned: a hook
    /// that is faster than that waits.
    pub(crate) fn spawning(&self) -> RwLockReadGuard<'_, ()> {
        self.spawning.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, these hooks of processes below the monitor are sent to `sender`, each once.
    pub(crate) fn expect(
        &self,
        monitor: u32,
        expected: BTreeSet<HookName>,
        sender: Sender<StartEvent>,
    ) -> Expectation {
        let pending = PendingStart {
            sender,
            expected,
            heard: Arc::default(),
        };
        self.lock().insert(monitor, pending);
        Expectation {
            starts: self.clone(),
            monitor,
        }
    }

    /// The monitor among the ancestors of a process whose start waits for hooks.
    fn monitor_of(&self, peer: &PidFd) -> Option<u32> {
        self.find(peer).or_else(|| {
            // Its monitor may have been spawned so lately that it is not in the table yet.
            drop(
                self.spawning
                    .write()
                    .unwrap_or_else(PoisonError::into_inner),
            );
            self.find(peer)
        })
    }

    fn find(&self, peer: &PidFd) -> Option<u32> {
        let mut child = (peer.pid(), None::<PidFd>);
        for _ in 0..MAX_DEPTH {
            let (pid, held) = &child;
            let parent = os_sys::ProcessStat::read(*pid)?.parent;
            let parent_held = PidFd::open(parent).ok()??;
            // The parent is held now. If the child lives and still names it, it is the parent.
            let lives = !held
                .as_ref()
                .unwrap_or(peer)
                .wait_exit(Duration::ZERO)
                .ok()?;
            if !lives || os_sys::ProcessStat::read(*pid)?.parent != parent {
                return None;
            }
            if self.lock().contains_key(&parent) {
                let ended = parent_held.wait_exit(Duration::ZERO).ok()?;
                return (!ended).then_some(parent);
            }
            child = (parent, Some(parent_held));
        }
        None
    }

    /// Takes a seat among the hooks of a start that are being answered; `None` if there is none.
    fn admit(&self, monitor: u32) -> Option<Arc<()>> {
        let table = self.lock();
        let heard = &table.get(&monitor)?.heard;
        // The table has one share of it.
        (Arc::strong_count(heard) <= MAX_HOOKS).then(|| Arc::clone(heard))
    }

    /// Where the hook goes; `None` if the start does not wait for it, or not any more.
    fn take(&self, monitor: u32, hook: HookName) -> Option<Sender<StartEvent>> {
        let mut table = self.lock();
        let pending = table.get_mut(&monitor)?;
        if !pending.expected.remove(&hook) {
            return None;
        }
        // LXC runs them in the order of their names in `HookName`; the others are over.
        if hook == HookName::StartHost {
            pending.expected.clear();
        }
        Some(pending.sender.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, PendingStart>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what is not logged.
#[derive(Debug, Default)]
struct RefusalLog {
    last: Option<Instant>,
    more: u64,
}

impl RefusalLog {
    fn refused(&mut self, pid: Option<u32>, uid: u32) {
        if self.last.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            self.more += 1;
            return;
        }
        self.last = Some(Instant::now());
        let more = std::mem::take(&mut self.more);
        tracing::warn!(
            ?pid,
            uid,
            more,
            "refused a process that is not an expected hook"
        );
    }
}

/// Counts the refused connections of each user.
#[derive(Debug)]
struct Refusals {
    since: Instant,
    by_uid: BTreeMap<u32, u32>,
}

impl Refusals {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            by_uid: BTreeMap::new(),
        }
    }

    /// Whether connections of this user are closed at once for now.
    fn is_over(&mut self, uid: u32) -> bool {
        if self.since.elapsed() >= REFUSAL_INTERVAL {
            *self = Self::new();
        }
        // Root's own programs are no attack.
        uid != 0
            && self
                .by_uid
                .get(&uid)
                .is_some_and(|count| *count >= MAX_REFUSALS)
    }

    fn refused(&mut self, uid: u32) {
        *self.by_uid.entry(uid).or_default() += 1;
    }
}

/// Listens at `socket` with a dedicated thread. Everybody may connect.
pub(crate) fn listen(socket: &Path, pending: PendingStarts) -> io::Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666))?;
    let thread = std::thread::Builder::new().name("hooks".to_owned());
    let listening = thread.spawn(move || {
        let (mut log, mut refusals) = (RefusalLog::default(), Refusals::new());
        for stream in listener.incoming() {
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) => {
                    if is_short_of_resources(&error) {
                        // The connection still waits, so this returns at once until one is free.
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    continue;
                }
            };
            let Ok(uid) = os_sys::peer_credentials(&stream).map(|peer| peer.uid) else {
                continue;
            };
            if refusals.is_over(uid) {
                log.refused(None, uid);
                continue;
            }
            // Only hooks of osctld get a thread.
            let peer = os_sys::peer_process(&stream).ok().flatten();
            let monitor = peer.as_ref().and_then(|peer| pending.monitor_of(peer));
            let Some((monitor, seat)) = monitor.and_then(|it| Some((it, pending.admit(it)?)))
            else {
                refusals.refused(uid);
                log.refused(peer.map(|peer| peer.pid()), uid);
                continue;
            };
            let pending = pending.clone();
            let thread = std::thread::Builder::new().name("hook".to_owned());
            let answering = thread.spawn(move || {
                if let Err(error) = answer(&stream, monitor, &pending) {
                    tracing::warn!(monitor, %error, "a hook was not answered");
                }
                drop(seat);
            });
            if let Err(error) = answering {
                tracing::error!(%error, "cannot answer a hook");
            }
        }
    });
    listening.map(drop)
}

/// Whether accept(2) failed because the process or the system has no descriptor or memory left.
fn is_short_of_resources(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    errno.is_some_and(|errno| {
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].contains(&errno)
    })
}

fn answer(stream: &UnixStream, monitor: u32, pending: &PendingStarts) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream.take(MESSAGE_LIMIT)).read_line(&mut line)?;
    let message: HookMessage = serde_json::from_str(&line)?;
    let hook = message.hook;
    let unexpected = || io::Error::other(format!("hook {} is not expected", hook.as_str()));
    let start = pending.take(monitor, hook).ok_or_else(unexpected)?;
    let (sender, receiver) = channel();
    let call = HookCall {
        message,
        answer: sender,
    };
    let gone = || HookAnswer::Abort("osctld does not start this container any more".to_owned());
    // The start has a deadline; when it drops the sender, this wait ends.
    let decided = match start.send(StartEvent::Hook(call)) {
        Ok(()) => receiver.recv().unwrap_or_else(|_gone| gone()),
        Err(_) => gone(),
    };
    send(stream, &decided)
}

fn send(mut stream: &UnixStream, answer: &HookAnswer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}

#[cfg(test)]
mod tests {
    use os_sys::{Signal, SpawnRequest};

    use super::*;

    /// A shell that starts another process, whose number it prints.
    fn tree() -> (os_sys::Child, u32) {
        let (read, write) = io::pipe().unwrap();
        let script = "sleep 60 & echo $!; wait";
        let request = SpawnRequest::new("/bin/sh").args(["-c", script]);
        let child = os_sys::spawn(request.env("PATH", "/usr/bin:/bin").stdout(write)).unwrap();
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).unwrap();
        (child, line.trim().parse().unwrap())
    }

    #[test]
    fn only_the_tree_of_the_monitor_is_heard() {
        let pending = PendingStarts::default();
        let (mut monitor, hook) = tree();
        let (mut other, stranger) = tree();
        let (sender, _receiver) = channel();
        let expected = BTreeSet::from([HookName::PreMount, HookName::StartHost]);
        let expectation = pending.expect(monitor.pid(), expected, sender);
        let held = |pid| PidFd::open(pid).unwrap().unwrap();
        assert_eq!(pending.monitor_of(&held(hook)), Some(monitor.pid()));
        assert_eq!(pending.monitor_of(&held(stranger)), None);
        assert_eq!(pending.monitor_of(&held(std::process::id())), None);
        // Not the monitor itself: LXC runs its hooks as other processes.
        assert_eq!(pending.monitor_of(&held(monitor.pid())), None);
        drop(expectation);
        assert_eq!(pending.monitor_of(&held(hook)), None);
        for child in [&mut monitor, &mut other] {
            assert!(child.signal_group(Signal::KILL).unwrap());
            child.wait(TIMEOUT).unwrap().unwrap();
        }
    }

    #[test]
    fn a_hook_that_is_faster_than_the_table_waits() {
        let pending = PendingStarts::default();
        let (mut monitor, hook) = tree();
        let hook = PidFd::open(hook).unwrap().unwrap();
        let spawning = pending.spawning();
        let found = std::thread::scope(|scope| {
            let found = scope.spawn(|| pending.monitor_of(&hook));
            // The other thread has looked once, and waits for the lock: no reader gets it any more.
            while pending.spawning.try_read().is_ok() {
                std::thread::yield_now();
            }
            let (sender, _receiver) = channel();
            let hooks = BTreeSet::from([HookName::StartHost]);
            let expectation = pending.expect(monitor.pid(), hooks, sender);
            drop(spawning);
            let found = found.join().unwrap();
            drop(expectation);
            found
        });
        assert_eq!(found, Some(monitor.pid()));
        assert!(monitor.signal_group(Signal::KILL).unwrap());
        monitor.wait(TIMEOUT).unwrap().unwrap();
    }

    #[test]
    fn a_user_that_connects_in_a_loop_is_not_looked_at_for_a_while() {
        let mut refusals = Refusals::new();
        for _ in 0..MAX_REFUSALS {
            assert!(!refusals.is_over(1000));
            refusals.refused(1000);
            refusals.refused(0);
        }
        assert!(refusals.is_over(1000) && !refusals.is_over(1001) && !refusals.is_over(0));
        refusals.since = Instant::now().checked_sub(REFUSAL_INTERVAL).unwrap();
        assert!(!refusals.is_over(1000));
    }

    #[test]
    fn each_hook_is_heard_once_and_none_after_the_last() {
        let pending = PendingStarts::default();
        let (sender, _receiver) = channel();
        let expected = BTreeSet::from([HookName::PreMount, HookName::Mount, HookName::StartHost]);
        let _expectation = pending.expect(7, expected, sender);
        assert!(pending.take(7, HookName::PreMount).is_some());
        assert!(pending.take(7, HookName::PreMount).is_none());
        assert!(pending.take(8, HookName::Mount).is_none());
        assert!(pending.take(7, HookName::StartHost).is_some());
        assert!(pending.take(7, HookName::Mount).is_none());
    }
}
