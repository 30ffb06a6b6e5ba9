//! Steps that run side by side, each on a thread of its own.
//!
//! The bound of a group limits the load, not the waiting: a step that has been running for longer
//! than `Limits::busy` waits for a guest, and does not keep the next one from beginning. So some guests
//! that ignore every signal cost one deadline, whatever the bound is.

use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use os_api::StepState;
use os_types::{Code, EntityRef, Failure, Parallel, Plan, Step};

use super::shared_journal::SharedJournal;
use super::{Executor, ProgressSink};
use crate::host::Host;

impl<H: Host> Executor<'_, H> {
    /// Runs a group of steps. All of them are tried, even if some fail: when a pool is closed, each
    /// guest that shuts down by itself is worth it.
    ///
    /// # Errors
    /// Those of all steps, in one failure with the code of the first.
    pub(super) fn forward_group(
        &self,
        journal: &SharedJournal,
        plan: &Plan,
        group: &Parallel,
    ) -> Result<(), Failure> {
        if let Some(locks) = self.locks {
            locks.open_pools();
        }
        let slots = Slots::new(group.width.max(1), self.busy);
        let outcome = thread::scope(|scope| {
            let (mut threads, mut failures) = (Vec::new(), Vec::new());
            for number in group.first..group.first + group.count {
                match self.begin_step(journal, plan, number, self.control) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(failure) => {
                        failures.push(failure);
                        break;
                    }
                }
                let slot = slots.take();
                let step = &plan.steps[number - 1];
                let spawned = thread::Builder::new().spawn_scoped(scope, move || {
                    let _slot = slot;
                    self.forward_shown(number, || self.forward_locked(journal, number, step))
                });
                match spawned {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        let text = format!("cannot start a thread to {step}: {error}");
                        failures.push(Failure::new(Code::Busy, text));
                    }
                }
            }
            join(threads, failures)
        });
        if let Some(locks) = self.locks {
            locks.close_pools();
        }
        outcome
    }

    /// Applies a step with the lock of its container. An urgent operation on the container
    /// interrupts the step; when that has ended, the step goes on from what it left.
    fn forward_locked(
        &self,
        journal: &SharedJournal,
        number: usize,
        step: &Step,
    ) -> Result<StepState, Failure> {
        let Some(container) = step.container() else {
            return self.forward_step(journal, number, step, self.control);
        };
        let progress = NamedProgress::new(&container, self.progress);
        let named = Executor {
            progress: &progress,
            ..*self
        };
        let Some(locks) = self.locks else {
            return named.forward_step(journal, number, step, self.control);
        };
        loop {
            let control = self.control.child();
            let lock = locks.take(&container, &control)?;
            let applied = named.forward_step(journal, number, step, &control);
            drop(lock);
            let is_cancelled = matches!(&applied, Err(f) if f.code == Code::Cancelled);
            if !(is_cancelled && control.is_cancelled() && !self.control.is_cancelled()) {
                return applied;
            }
        }
    }
}

/// Says which container the progress of a step is about, while others make progress beside it.
struct NamedProgress<'a> {
    prefix: String,
    to: &'a dyn ProgressSink,
}

impl<'a> NamedProgress<'a> {
    fn new(entity: &EntityRef, to: &'a dyn ProgressSink) -> Self {
        let prefix = match entity {
            EntityRef::Container { name, .. } => format!("ct {name}"),
            other => other.to_string(),
        };
        Self { prefix, to }
    }
}

impl ProgressSink for NamedProgress<'_> {
    fn step(&self, number: usize, state: StepState) {
        self.to.step(number, state);
    }

    fn progress(&self, text: &str) {
        self.to.progress(&format!("{}: {text}", self.prefix));
    }

    fn warning(&self, text: &str) {
        self.to.warning(&format!("{}: {text}", self.prefix));
    }

    fn reverting(&self) {
        self.to.reverting();
    }
}

/// The end of all threads of a group.
fn join(
    threads: Vec<ScopedJoinHandle<'_, Result<(), Failure>>>,
    mut failures: Vec<Failure>,
) -> Result<(), Failure> {
    let mut panicked = None;
    for thread in threads {
        match thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => failures.push(failure),
            // Tests die so: a panic in a step is a failure of that step.
            Err(panic) => panicked = Some(panic),
        }
    }
    if let Some(panic) = panicked {
        resume_unwind(panic);
    }
    let mut failures = failures.into_iter();
    let Some(mut first) = failures.next() else {
        return Ok(());
    };
    for other in failures {
        first.message.push_str("; ");
        first.message.push_str(&other.message);
    }
    Err(first)
}

/// The steps of a group that keep the host busy.
struct Slots {
    width: usize,
    busy_time: Duration,
    /// When each of them began.
    busy: Mutex<Vec<Instant>>,
    changed: Condvar,
}

/// A place among the steps that keep the host busy; given back when it is dropped.
struct Slot<'a> {
    slots: &'a Slots,
    began: Instant,
}

impl Slots {
    fn new(width: usize, busy_time: Duration) -> Self {
        Self {
            width,
            busy_time,
            busy: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Waits for a place.
    fn take(&self) -> Slot<'_> {
        let mut busy = self.lock();
        loop {
            busy.retain(|began| began.elapsed() < self.busy_time);
            let oldest = busy.iter().min();
            let Some(oldest) = oldest.filter(|_| busy.len() >= self.width) else {
                break;
            };
            let left = self.busy_time.saturating_sub(oldest.elapsed());
            let woken = self.changed.wait_timeout(busy, left);
            busy = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let began = Instant::now();
        busy.push(began);
        Slot { slots: self, began }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut busy = self.slots.lock();
        // Which one of several that began in the same moment does not matter.
        if let Some(at) = busy.iter().position(|began| *began == self.began) {
            busy.swap_remove(at);
        }
        drop(busy);
        self.slots.changed.notify_all();
    }
}
