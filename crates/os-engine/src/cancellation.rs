//! A request to stop that wakes up waiting threads at once.

use std::io::{self, PipeReader, PipeWriter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

/// Whether an operation or one of its steps was asked to stop, and for what reason.
///
/// Two kinds of waiters are woken at once: a task (`cancelled`), and a thread in `poll()`
/// ([`Cancellation::wake_up`]).
#[derive(Debug, Clone)]
pub struct Cancellation(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    reason: watch::Sender<Option<String>>,
    waiters: Mutex<Waiters>,
}

#[derive(Debug, Default)]
struct Waiters {
    /// Closed by a cancellation, which its readers see as a hang-up.
    pipes: Vec<PipeWriter>,
    children: Vec<Weak<Shared>>,
}

impl Cancellation {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            reason: watch::Sender::new(None),
            waiters: Mutex::default(),
        }))
    }

    /// A cancellation that follows this one and can also happen alone.
    pub(crate) fn child(&self) -> Self {
        let child = Self::new();
        let mut waiters = self.0.lock();
        waiters.children.retain(|child| child.strong_count() > 0);
        waiters.children.push(Arc::downgrade(&child.0));
        drop(waiters);
        // Looked at after it was registered: one of the two sees the cancellation.
        if let Some(reason) = self.reason() {
            child.cancel(&reason);
        }
        child
    }

    /// Asks to stop. The first reason stays.
    pub(crate) fn cancel(&self, reason: &str) {
        self.0.cancel(reason);
    }

    /// Why to stop, e.g. `cancelled` or `taken over by stop --kill (operation …)`; `None` if it was
    /// not requested.
    pub fn reason(&self) -> Option<String> {
        self.0.reason.borrow().clone()
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.reason.borrow().is_some()
    }

    /// A descriptor for `poll()`: it reports a hang-up (`POLLHUP`) once this is cancelled, and
    /// nothing before.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn wake_up(&self) -> io::Result<PipeReader> {
        let (reader, writer) = io::pipe()?;
        let mut waiters = self.0.lock();
        if !self.is_cancelled() {
            waiters.pipes.push(writer);
        }
        Ok(reader)
    }

    /// Returns once this is cancelled.
    pub(crate) async fn cancelled(&self) {
        let mut reason = self.0.reason.subscribe();
        // The sender lives as long as `self`.
        drop(reason.wait_for(Option::is_some).await);
    }
}

impl Shared {
    fn cancel(&self, reason: &str) {
        let mut waiters = self.lock();
        let is_first = self.reason.send_if_modified(|now| {
            let is_first = now.is_none();
            if is_first {
                *now = Some(reason.to_owned());
            }
            is_first
        });
        if !is_first {
            return;
        }
        waiters.pipes.clear();
        let children = std::mem::take(&mut waiters.children);
        drop(waiters);
        for child in children.iter().filter_map(Weak::upgrade) {
            child.cancel(reason);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_cancellation_wakes_every_kind_of_waiter() {
        let parent = Cancellation::new();
        let child = parent.child();
        let mut pipe = child.wake_up().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(pipe.read(&mut [0]).unwrap(), 0));
            parent.cancel("enough");
        });
        assert_eq!(child.reason().as_deref(), Some("enough"));
        parent.cancel("again");
        assert_eq!(parent.reason().as_deref(), Some("enough"));
        assert!(parent.child().is_cancelled(), "also one made later");
        assert_eq!(parent.wake_up().unwrap().read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_child_is_cancelled_alone() {
        let parent = Cancellation::new();
        let (one, other) = (parent.child(), parent.child());
        one.cancel("taken over");
        assert!(one.is_cancelled() && !other.is_cancelled() && !parent.is_cancelled());
    }
}
