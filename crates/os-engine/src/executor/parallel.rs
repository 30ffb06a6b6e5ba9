//! Steps that run side by side, each on a thread of its own; how many at a time, see `slots`.

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use os_api::StepState;
use os_types::{Code, EntityRef, Failure, Parallel, Plan, Step};
use tokio::runtime::Handle;

use super::shared_journal::SharedJournal;
use super::{Executor, ProgressSink};
use crate::host::Host;
use crate::locks::StepLocks;
use crate::slots::Bound;

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
        let (bound, runtime) = (Bound::new(group.width, self.busy), Handle::current());
        let outcome = thread::scope(|scope| {
            let (mut threads, mut failures) = (Vec::new(), Vec::new());
            for number in group.first..group.first + group.count {
                // Before the look at the control: while this waits, the operation may be cancelled.
                let slot = runtime.block_on(bound.take());
                match self.begin_step(journal, plan, number, self.control) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(failure) => {
                        failures.push(failure);
                        break;
                    }
                }
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
        let closed = self.locks.map_or(Ok(()), StepLocks::close_pools);
        outcome.and(closed)
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
