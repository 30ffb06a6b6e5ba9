//! A process that cannot be confused with another one, and its facts from `/proc`: proc(5).

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use os_sys::{PidFd, ProcessStat};

/// `USER_HZ`: the unit of times in `/proc`, the same on every Linux that we run on.
const TICKS_PER_SECOND: u64 = 100;

/// A process, held by a descriptor. Its number is for people and for `/proc`.
#[derive(Debug, Clone)]
pub struct Process {
    pidfd: Arc<PidFd>,
    start_time: u64,
}

impl Process {
    /// Holds the process that has this number now; `None` if there is none, or only a zombie.
    pub fn open(pid: u32) -> Option<Self> {
        let pidfd = PidFd::open(pid).ok()??;
        let stat = ProcessStat::read(pid)?;
        let process = Self {
            pidfd: Arc::new(pidfd),
            start_time: stat.start_time,
        };
        // What was read is about the held process only if that has not ended before.
        (!process.has_ended()).then_some(process)
    }

    /// As [`Process::open`], if the process has this start time.
    pub(crate) fn open_started_at(pid: u32, start_time: u64) -> Option<Self> {
        Self::open(pid).filter(|process| process.start_time == start_time)
    }

    /// The number that it has or had.
    pub fn pid(&self) -> u32 {
        self.pidfd.pid()
    }

    /// Start time in clock ticks since boot: field 22 of `/proc/<pid>/stat`.
    pub fn start_time(&self) -> u64 {
        self.start_time
    }

    /// The descriptor, for signals and waits.
    pub fn pidfd(&self) -> &Arc<PidFd> {
        &self.pidfd
    }

    /// Whether it has ended, as the kernel says.
    pub fn has_ended(&self) -> bool {
        self.pidfd.wait_exit(Duration::ZERO).unwrap_or(false)
    }
}

/// The path of its control group in a hierarchy that has it below `parent`; what comes behind
/// `parent`, e.g. `pool.tank/...`.
pub(crate) fn cgroup_below(pid: u32, parent: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let prefix = format!("/{parent}/");
    let mut paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.find_map(|path| path.strip_prefix(&prefix).map(ToOwned::to_owned))
}

/// `rt_sigtimedwait(2)`. *Source*: `asm/unistd_64.h`, `asm-generic/unistd.h`.
const SIGTIMEDWAIT: &str = if cfg!(target_arch = "x86_64") {
    "128"
} else {
    "137"
};

/// The signals it does something about: bit n-1 for signal n. It has a handler for them, or it blocks
/// them to read them from a signalfd(2), as systemd does, or by sigwait(3), as busybox does.
pub(crate) fn caught_signals(pid: u32) -> Option<u64> {
    let before = marked_signals(pid)?;
    let awaited = awaited_signals(pid).unwrap_or(0);
    // Again, for it may have begun to wait, or ceased, in between.
    Some(before | awaited | marked_signals(pid)?)
}

fn marked_signals(pid: u32) -> Option<u64> {
    marked(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// `SIGSEGV`: a process that blocks even this one does not wait for signals, but blocks all of them for a moment.
const FAULT: u64 = 1 << 10;

/// The same in the text of `/proc/<pid>/status`. In the middle of a fork all signals are blocked
/// (glibc), and a shell that ignores them all forks all the time; so all of them count only if it sleeps.
fn marked(status: &str) -> Option<u64> {
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let mask = |name: &str| u64::from_str_radix(value(name)?.trim(), 16).ok();
    let (caught, blocked) = (mask("SigCgt:")?, mask("SigBlk:")?);
    let sleeps = value("State:")?.trim().starts_with('S');
    let waits_for = if blocked & FAULT == 0 || sleeps {
        blocked
    } else {
        0
    };
    Some(caught | waits_for)
}

/// The signals that it waits for at this moment: while it does, the kernel does not list them as
/// blocked, and busybox init does so all its life.
fn awaited_signals(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    words.next().filter(|number| *number == SIGTIMEDWAIT)?;
    let address = words.next()?.strip_prefix("0x")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    read_word(format!("/proc/{pid}/mem").into(), address)
}

/// Deadline for a read of a guest's memory.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// Maximum number of such reads at a time.
const MAX_READS: usize = 16;

/// Eight bytes of a file that may hang: the guest has chosen the address, and may have placed memory there
/// whose pages never arrive (`userfaultfd(2)`, a mapped file of a FUSE server). Such a read ends when the
/// guest is killed; it costs one of [`MAX_READS`] threads until then.
fn read_word(path: PathBuf, offset: u64) -> Option<u64> {
    static READS: AtomicUsize = AtomicUsize::new(0);
    let end = || {
        READS.fetch_sub(1, Ordering::Relaxed);
    };
    if READS.fetch_add(1, Ordering::Relaxed) >= MAX_READS {
        end();
        return None;
    }
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name("guest memory".to_owned());
    let spawned = thread.spawn(move || {
        let mut word = [0; 8];
        let file = fs::File::open(path);
        if file
            .and_then(|file| file.read_exact_at(&mut word, offset))
            .is_ok()
        {
            // An error means that the caller no longer waits.
            let _gone = sender.send(u64::from_ne_bytes(word));
        }
        end();
    });
    if spawned.is_err() {
        end();
    }
    receiver.recv_timeout(READ_TIMEOUT).ok()
}

/// The name of its program's file, as text that the guest chose.
pub(crate) fn program(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// The name it has in lists, at most 15 bytes, as text that the guest chose.
pub(crate) fn name(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// How many children it has.
pub(crate) fn children(pid: u32) -> usize {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().count()
}

/// How long ago it was started.
pub(crate) fn age_seconds(pid: u32) -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let began = ProcessStat::read(pid).map_or(0, |stat| stat.start_time / TICKS_PER_SECOND);
    u64::try_from(now.tv_sec).unwrap_or(0).saturating_sub(began)
}

/// Whether it is the first process of a pid namespace right below ours.
pub(crate) fn is_init_of_guest(pid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let numbers: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    numbers.len() == 2 && numbers.last() == Some(&"1")
}

/// What of these processes waits in the kernel and cannot be killed, for people: at most five.
pub(crate) fn blocked(pids: impl IntoIterator<Item = u32>) -> Option<String> {
    let stuck: Vec<u32> = pids
        .into_iter()
        .filter(|pid| ProcessStat::read(*pid).is_some_and(|stat| stat.state == 'D'))
        .collect();
    if stuck.is_empty() {
        return None;
    }
    let named = stuck.iter().take(5).map(|pid| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
        let name = read("comm").unwrap_or_default();
        let name: String = name.trim().chars().flat_map(char::escape_debug).collect();
        let place = read("wchan").unwrap_or_default();
        match place.trim() {
            "" | "0" => format!("{name} (pid {pid})"),
            place => format!("{name} (pid {pid}, in {place})"),
        }
    });
    let named: Vec<String> = named.collect();
    let count = stuck.len();
    Some(format!(
        "{count} process(es) in D state: {}",
        named.join(", ")
    ))
}

/// Whether a process has been killed and cannot end yet: `SIGKILL` is pending.
pub(crate) fn is_killed(pid: u32) -> bool {
    const KILL: u64 = 1 << 8;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    ["SigPnd:", "ShdPnd:"].iter().any(|name| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & KILL != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_nobody_provides_is_waited_for_until_a_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let (hung, own) = (dir.path().join("hung"), 7_u64.to_ne_bytes());
        // The FIFO has no writer.
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &hung, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for _ in 0..=MAX_READS {
            assert_eq!(read_word(hung.clone(), 0), None);
        }
        let address = own.as_ptr().addr() as u64;
        assert_eq!(
            read_word("/proc/self/mem".into(), address),
            None,
            "too many hang"
        );
        // Opened for writing, they all come back.
        let _writer = fs::File::options().write(true).open(&hung).unwrap();
        let read = || read_word("/proc/self/mem".into(), address);
        let value = os_sys::patience::until(Duration::from_mins(1), || Ok::<_, ()>(read()));
        assert_eq!(value, Ok(Some(7)));
    }

    #[test]
    fn signals_that_are_blocked_for_a_fork_are_not_waited_for() {
        let status = |state: &str, blocked: &str| {
            format!(
                "Name:\tsh\nState:\t{state}\nSigBlk:\t{blocked}\nSigIgn:\t0\nSigCgt:\t0000000000000002\n"
            )
        };
        let all = "fffffffe7ffbfeff";
        let in_fork = [status("R (running)", all), status("D (disk sleep)", all)];
        assert!(in_fork.iter().all(|text| marked(text) == Some(2)));
        // dumb-init waits for all of them; systemd for some, also while it is busy.
        assert_eq!(
            marked(&status("S (sleeping)", all)),
            Some(0xffff_fffe_7ffb_feff)
        );
        assert_eq!(
            marked(&status("R (running)", "0000000000004001")),
            Some(0x4003)
        );
        assert_eq!(marked("State:\tR (running)\n"), None);
    }

    #[test]
    fn this_process_has_execed_and_is_no_guest() {
        let pid = std::process::id();
        assert!(ProcessStat::read(pid).unwrap().has_execed);
        assert!(!is_init_of_guest(pid));
        assert!(program(pid).is_some());
        assert!(caught_signals(pid).is_some());
    }
}
