//! Threads for operations: planning and steps block, for minutes if a guest does not shut down.
//!
//! They are none of the runtime's blocking threads, which serve reads: however many operations are
//! on their way, a read finds a thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use os_types::{Code, Failure};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The number of threads that operations may use at a time.
#[derive(Debug, Clone)]
pub(crate) struct Threads(Arc<Semaphore>);

/// The right to use one thread.
#[derive(Debug)]
pub(crate) struct Permit(
    /// None for an urgent operation, which is not counted.
    #[expect(dead_code, reason = "held until it is dropped")]
    Option<OwnedSemaphorePermit>,
);

impl Threads {
    pub(crate) fn new(bound: usize) -> Self {
        Self(Arc::new(Semaphore::new(bound.min(Semaphore::MAX_PERMITS))))
    }

    /// A permit if one is free now.
    pub(crate) fn try_permit(&self) -> Option<Permit> {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        permit.ok().map(|permit| Permit(Some(permit)))
    }

    /// Waits for a permit; first come, first served.
    pub(crate) async fn permit(&self) -> Permit {
        // The semaphore is never closed, so a permit always becomes available.
        Permit(Arc::clone(&self.0).acquire_owned().await.ok())
    }

    /// A permit beyond the bound.
    pub(crate) const fn urgent() -> Permit {
        Permit(None)
    }
}

/// Runs `work` on a new thread.
///
/// # Errors
/// `Code::Busy` if the system has no thread left, `Code::Internal` if `work` panics.
///
/// # Cancel safety
/// Dropping the future does not stop the thread.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = oneshot::channel();
    let thread = std::thread::Builder::new().name("operation".to_owned());
    let runtime = Handle::current();
    let spawned = thread.spawn(move || {
        // Steps wait for locks and slots.
        let _entered = runtime.enter();
        // Whatever a panic leaves behind in the host is checked before it is used again.
        let outcome = catch_unwind(AssertUnwindSafe(work));
        drop(sender.send(outcome));
    });
    spawned.map_err(|error| {
        let text = format!("cannot start a thread for the operation: {error}");
        Failure::new(Code::Busy, text).next("osctl operation ls")
    })?;
    match receiver.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => Err(panicked(panic.as_ref())),
        Err(_) => Err(Failure::new(Code::Internal, "the thread ended early")),
    }
}

/// The failure of an operation whose thread panicked. Its journal, if there is one, is settled by
/// recovery at the next start.
fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = crate::executor::panic_text(panic);
    Failure::new(Code::Internal, format!("a panic in the program: {text}"))
}
