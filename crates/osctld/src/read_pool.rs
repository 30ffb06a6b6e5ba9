//! Threads for reads of memory and of kernel figures.
//!
//! They are no threads that anything else uses, so a read never waits behind a plan, an operation or
//! a file system that hangs. What may hang does not run here.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use os_types::{Code, Failure};
use tokio::sync::oneshot;

/// Reads that run at the same time. They compute and do not wait, so more would only change hands.
const THREADS: usize = 4;

/// Reads that wait for a thread; more are refused.
const QUEUE: usize = 8192;

type Job = Box<dyn FnOnce() + Send>;

/// The threads; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ReadPool(SyncSender<Job>);

impl ReadPool {
    /// Starts the threads, which end with the last clone.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..THREADS {
            let receiver = Arc::clone(&receiver);
            let thread = std::thread::Builder::new().name("read".to_owned());
            thread.spawn(move || work(&receiver)).map(drop)?;
        }
        Ok(Self(sender))
    }

    /// Runs `read` on one of the threads.
    ///
    /// # Errors
    /// `Busy` if too many wait already.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move || drop(sender.send(read())));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.0.try_send(job) {
            return Err(Failure::new(Code::Busy, "too many requests wait already"));
        }
        let died = |_| Failure::new(Code::Internal, "a request died");
        receiver.await.map_err(died)
    }
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else {
            return;
        };
        // A read that panics fails alone; its thread goes on with the next one.
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        if ran.is_err() {
            tracing::error!("a read died");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_run_and_a_panic_stays_alone() {
        let pool = ReadPool::start().unwrap();
        for _ in 0..THREADS {
            let died = pool.run(|| panic!("for the test"));
            let died: Result<(), _> = died.await;
            assert_eq!(died.unwrap_err().code, Code::Internal);
        }
        assert_eq!(pool.run(|| 4).await, Ok(4));
    }
}
