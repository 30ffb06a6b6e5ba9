//! How many operations of a kind run at a time, e.g. starts on a pool.
//!
//! As for steps side by side, the bound limits the load and not the waiting: an operation that has
//! been running for longer than [`BUSY`] waits for a guest, and gives its slot to the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How long an operation or a step counts as work for the host. A guest that starts or shuts down
/// needs a few seconds.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// A bound that an operation is subject to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slot {
    /// What is bounded, e.g. `starts on pool tank`.
    pub name: String,
    /// How many at a time.
    pub width: usize,
}

/// All bounds in use.
#[derive(Debug, Default)]
pub(crate) struct Slots(Mutex<HashMap<String, Bound>>);

#[derive(Debug)]
struct Bound {
    width: usize,
    permits: Arc<Semaphore>,
}

/// A slot that an operation has. It ends when this is dropped, or when it has been used for [`BUSY`].
#[derive(Debug)]
pub(crate) struct UsedSlot {
    /// Its end is the message.
    _end: oneshot::Sender<()>,
}

impl Slots {
    /// Waits for a slot; first come, first served.
    pub(crate) async fn take(&self, slot: &Slot) -> UsedSlot {
        let permit = self.semaphore(slot).acquire_owned().await;
        UsedSlot::of(permit.ok())
    }

    /// A slot if one is free now.
    pub(crate) fn try_take(&self, slot: &Slot) -> Option<UsedSlot> {
        let permit = self.semaphore(slot).try_acquire_owned();
        permit.ok().map(|permit| UsedSlot::of(Some(permit)))
    }

    /// The permits of a bound. One that was changed begins anew.
    fn semaphore(&self, slot: &Slot) -> Arc<Semaphore> {
        let width = slot.width.clamp(1, Semaphore::MAX_PERMITS);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn of(permit: Option<OwnedSemaphorePermit>) -> Self {
        let (sender, end) = oneshot::channel::<()>();
        tokio::spawn(async move {
            drop(tokio::time::timeout(BUSY, end).await);
            drop(permit);
        });
        Self { _end: sender }
    }
}
