//! How many operations of a kind, e.g. starts on a pool, or steps of a group run at a time.
//!
//! The bound limits the load and not the waiting: one that has been running for longer than
//! `Limits::busy` waits for a guest, and gives its slot to the next one. So some guests that ignore
//! every signal cost one deadline, whatever the bound is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A bound that an operation is subject to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slot {
    /// What is bounded, e.g. `starts on pool tank`.
    pub name: String,
    /// How many at a time.
    pub width: usize,
}

/// All bounds in use.
#[derive(Debug)]
pub(crate) struct Slots {
    bounds: Mutex<HashMap<String, Bound>>,
    busy: Duration,
}

/// Limits the number of concurrent holders, except for those that take longer than `busy`.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    width: usize,
    busy: Duration,
    permits: Arc<Semaphore>,
}

/// A slot that an operation or a step has. It ends when this is dropped, or when it has been used for
/// `Limits::busy`.
#[derive(Debug)]
pub(crate) struct UsedSlot {
    /// Its end is the message.
    _end: oneshot::Sender<()>,
}

impl Slots {
    pub(crate) fn new(busy: Duration) -> Self {
        Self {
            bounds: Mutex::default(),
            busy,
        }
    }

    /// Waits for a slot; first come, first served.
    pub(crate) async fn take(&self, slot: &Slot) -> UsedSlot {
        self.bound(slot).take().await
    }

    /// A slot if one is free now.
    pub(crate) fn try_take(&self, slot: &Slot) -> Option<UsedSlot> {
        let bound = self.bound(slot);
        let permit = Arc::clone(&bound.permits).try_acquire_owned();
        permit.ok().map(|permit| bound.used(Some(permit)))
    }

    /// The bound. One that was changed begins again.
    fn bound(&self, slot: &Slot) -> Bound {
        let mut all = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Bound::new(slot.width, self.busy);
        let found = all.entry(slot.name.clone()).or_insert_with(new);
        if found.width != slot.width {
            *found = new();
        }
        found.clone()
    }
}

impl Bound {
    pub(crate) fn new(width: usize, busy: Duration) -> Self {
        let permits = width.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            width,
            busy,
            permits: Arc::new(Semaphore::new(permits)),
        }
    }

    /// Waits for a slot; first come, first served.
    pub(crate) async fn take(&self) -> UsedSlot {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        self.used(permit.ok())
    }

    fn used(&self, permit: Option<OwnedSemaphorePermit>) -> UsedSlot {
        let (sender, end) = oneshot::channel::<()>();
        let busy = self.busy;
        tokio::spawn(async move {
            drop(tokio::time::timeout(busy, end).await);
            drop(permit);
        });
        UsedSlot { _end: sender }
    }
}
