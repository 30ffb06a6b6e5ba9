//! Waking a start when LXC writes to the container's log.
//!
//! LXC logs what it has done, and last of all, right before init executes its program, that it does so.
//! A start that waits for init sleeps in between; looking all the time would take more of the processor
//! than the rest of osctld's part, and forty starts at once share it.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::hook_socket::StartEvent;

/// One inotify instance and the thread that reads it, for all starts: closing an instance waits for a
/// grace period of the kernel.
#[derive(Debug, Clone)]
pub(crate) struct LogWatcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inotify: OwnedFd,
    /// By watch descriptor.
    starts: Mutex<HashMap<i32, Watched>>,
}

#[derive(Debug)]
struct Watched {
    sender: Sender<StartEvent>,
    /// Shared with the event that the start has not handled yet. The monitor's user can write to the log
    /// without end, and must not fill osctld's memory with events.
    unhandled: Arc<()>,
}

/// Ends the watch when it is dropped.
#[derive(Debug)]
pub(crate) struct LogWatch {
    watcher: LogWatcher,
    descriptor: i32,
}

impl LogWatcher {
    pub(crate) fn new() -> io::Result<Self> {
        let watcher = Self(Arc::new(Shared {
            inotify: inotify::init(CreateFlags::CLOEXEC)?,
            starts: Mutex::default(),
        }));
        let shared = Arc::clone(&watcher.0);
        let thread = std::thread::Builder::new().name("log-watch".to_owned());
        thread.spawn(move || shared.run()).map(drop)?;
        Ok(watcher)
    }

    /// From now on a write to the file `log` sends [`StartEvent::Logged`], unless the receiver still has
    /// the previous one.
    ///
    /// *Errors*: of `inotify_add_watch(2)`: the file is not there, or the host has no watches left.
    pub(crate) fn watch(&self, log: &Path, sender: Sender<StartEvent>) -> io::Result<LogWatch> {
        // Held until the sender is in the table: a write in between is not lost.
        let mut starts = self.0.lock();
        let flags = WatchFlags::MODIFY | WatchFlags::DONT_FOLLOW;
        let descriptor = inotify::add_watch(&self.0.inotify, log, flags)?;
        let unhandled = Arc::default();
        starts.insert(descriptor, Watched { sender, unhandled });
        Ok(LogWatch {
            watcher: self.clone(),
            descriptor,
        })
    }
}

impl Drop for LogWatch {
    fn drop(&mut self) {
        let Shared { inotify, .. } = &*self.watcher.0;
        self.watcher.0.lock().remove(&self.descriptor);
        if let Err(error) = inotify::remove_watch(inotify, self.descriptor) {
            // The file may have been deleted, and its watch with it.
            tracing::debug!(%error, "cannot end the watch of a log");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Watched>> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let descriptor = match events.next() {
                Ok(event) => event.wd(),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "starts are not woken by LXC's log any more");
                    return;
                }
            };
            if let Some(Watched { sender, unhandled }) = self.lock().get(&descriptor)
                && Arc::strong_count(unhandled) == 1
            {
                // The start may be over.
                drop(sender.send(StartEvent::Logged(Arc::clone(unhandled))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_write_wakes_the_start_of_this_log_until_the_watch_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let (log, other) = (dir.path().join("log"), dir.path().join("other"));
        let watcher = LogWatcher::new().unwrap();
        let (sender, events) = channel();
        watcher.watch(&log, sender.clone()).unwrap_err();
        let mut file = File::create(&log).unwrap();
        let watch = watcher.watch(&log, sender).unwrap();
        File::create(&other).unwrap().write_all(b"line\n").unwrap();
        let short = Duration::from_millis(50);
        assert_eq!(
            events.recv_timeout(short).unwrap_err(),
            RecvTimeoutError::Timeout
        );
        for _ in 0..2 {
            file.write_all(b"line\n").unwrap();
            let event = events.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(matches!(event, StartEvent::Logged(_)), "{event:?}");
            // Not handled yet, for it is not dropped.
            file.write_all(b"line\n").unwrap();
            let next = events.recv_timeout(short);
            assert_eq!(next.unwrap_err(), RecvTimeoutError::Timeout);
        }
        drop(watch);
        file.write_all(b"line\n").unwrap();
        // The only sender is gone with the watch.
        let last = std::iter::repeat_with(|| events.recv_timeout(Duration::from_secs(20)))
            .find_map(Result::err);
        assert_eq!(last, Some(RecvTimeoutError::Disconnected));
    }
}
