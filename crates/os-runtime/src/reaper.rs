//! One thread that waits for the end of processes: inits of containers, monitors, helpers.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use os_sys::{Child, PidFd};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Called on the thread when the process has ended; it must not block.
type Then = Box<dyn FnOnce() + Send>;

enum Watched {
    /// A process that is not a child of this process.
    Foreign(Arc<PidFd>, Then),
    /// A child of this process, to be reaped.
    Child(Child, Then),
}

/// Processes by the number of their registration, and the last number.
type Table = Arc<Mutex<(u64, HashMap<u64, Watched>)>>;

/// The thread, and the processes that it waits for.
#[derive(Clone)]
pub(crate) struct ProcessReaper {
    epoll: Arc<OwnedFd>,
    table: Table,
}

impl std::fmt::Debug for ProcessReaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessReaper").finish_non_exhaustive()
    }
}

impl ProcessReaper {
    pub(crate) fn new() -> io::Result<Self> {
        let reaper = Self {
            epoll: Arc::new(epoll::create(CreateFlags::CLOEXEC)?),
            table: Table::default(),
        };
        let (epoll, table) = (Arc::clone(&reaper.epoll), Arc::clone(&reaper.table));
        let thread = std::thread::Builder::new().name("reaper".to_owned());
        thread.spawn(move || run(&epoll, &table)).map(drop)?;
        Ok(reaper)
    }

    /// Runs `then` when the process has ended, at once if it has already.
    pub(crate) fn process(&self, pidfd: Arc<PidFd>, then: impl FnOnce() + Send + 'static) {
        self.add(Watched::Foreign(pidfd, Box::new(then)));
    }

    /// Reaps the child when it has ended, and runs `then`.
    pub(crate) fn child(&self, child: Child, then: impl FnOnce() + Send + 'static) {
        self.add(Watched::Child(child, Box::new(then)));
    }

    fn add(&self, watched: Watched) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.0 = table.0.wrapping_add(1);
        let number = table.0;
        let pidfd = match &watched {
            Watched::Foreign(pidfd, _) => &**pidfd,
            Watched::Child(child, _) => child.pidfd(),
        };
        let data = EventData::new_u64(number);
        let added = epoll::add(&self.epoll, pidfd.as_fd(), data, EventFlags::IN);
        if let Err(error) = added {
            tracing::error!(%error, pid = pidfd.pid(), "cannot watch a process");
        }
        table.1.insert(number, watched);
    }
}

fn run(epoll: &OwnedFd, table: &Table) {
    let mut events: Vec<epoll::Event> = Vec::with_capacity(64);
    loop {
        events.clear();
        match epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => {
                tracing::error!(%error, "the ends of containers are not noticed any more");
                return;
            }
        }
        for event in &events {
            let number = event.data.u64();
            let watched = {
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                table.1.remove(&number)
            };
            match watched {
                Some(Watched::Foreign(pidfd, then)) => {
                    forget(epoll, &pidfd);
                    drop(pidfd);
                    then();
                }
                Some(Watched::Child(mut child, then)) => {
                    forget(epoll, child.pidfd());
                    if let Err(error) = child.wait(std::time::Duration::ZERO) {
                        tracing::warn!(%error, "cannot reap a process");
                    }
                    drop(child);
                    then();
                }
                None => {}
            }
        }
    }
}

/// Others may hold the same descriptor, so closing ours would not remove it from the epoll set; and the
/// descriptor of an ended process stays readable.
fn forget(epoll: &OwnedFd, pidfd: &PidFd) {
    if let Err(error) = epoll::delete(epoll, pidfd.as_fd()) {
        tracing::error!(%error, pid = pidfd.pid(), "cannot stop watching a process");
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_exit_is_reported_once_although_others_hold_the_descriptor() {
        let reaper = ProcessReaper::new().unwrap();
        let mut child = os_sys::spawn(os_sys::SpawnRequest::new("/bin/true")).unwrap();
        let pidfd = Arc::new(PidFd::open(child.pid()).unwrap().unwrap());
        let (sender, receiver) = std::sync::mpsc::channel();
        reaper.process(Arc::clone(&pidfd), move || sender.send(()).unwrap());
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        let info = format!("/proc/self/fdinfo/{}", reaper.epoll.as_raw_fd());
        let info = std::fs::read_to_string(info).unwrap();
        assert!(!info.contains("tfd:"), "still watched: {info}");
        child.wait(Duration::from_secs(20)).unwrap();
    }
}
