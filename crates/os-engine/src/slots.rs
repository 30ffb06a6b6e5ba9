//! How many operations of a kind run at a time, e.g. starts on a pool.
//!
//! As for steps side by side, the bound limits the load and not the waiting: an operation that has
//! been running for longer than `Limits::busy` waits for a guest, and gives its slot to the next one.

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

#[derive(Debug)]
struct Bound {
    width: usize,
    permits: Arc<Semaphore>,
}

/// A slot that an operation has. It ends when this is dropped, or when it has been used for `Limits::busy`.
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
        let permit = self.semaphore(slot).acquire_owned().await;
        UsedSlot::of(permit.ok(), self.busy)
    }

    /// A slot if one is free now.
    pub(crate) fn try_take(&self, slot: &Slot) -> Option<UsedSlot> {
        let permit = self.semaphore(slot).try_acquire_owned();
        permit
            .ok()
            .map(|permit| UsedSlot::of(Some(permit), self.busy))
    }

    /// The permits of a bound. One that was changed begins anew.
    fn semaphore(&self, slot: &Slot) -> Arc<Semaphore> {
        let width = slot.width.clamp(1, Semaphore::MAX_PERMITS);
        let mut all = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Bound {
            width,
            permits: Arc::new(Semaphore::new(width)),
        };
        let found = all.entry(slot.name.clone()).or_insert_with(new);
        if found.width != width {
            *found = new();
        }
        Arc::clone(&found.permits)
    }
}

impl UsedSlot {
    fn of(permit: Option<OwnedSemaphorePermit>, busy: Duration) -> Self {
        let (sender, end) = oneshot::channel::<()>();
        tokio::spawn(async move {
            drop(tokio::time::timeout(busy, end).await);
            drop(permit);
        });
        Self { _end: sender }
    }
}
