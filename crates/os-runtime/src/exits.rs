//! Containers whose init has ended, until somebody has attended to them.
//!
//! The queue holds each container once, so it is as long as the host has containers, and an exit is
//! never lost: a caller that cannot handle it now puts it back with a delay.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use os_types::ContainerRef;

/// The queue, ordered by the time at which an entry is due.
#[derive(Debug, Default)]
pub struct ExitQueue {
    due: Mutex<BTreeMap<ContainerRef, Instant>>,
    changed: Condvar,
}

impl ExitQueue {
    /// Queues a container whose init has ended.
    pub fn push(&self, container: ContainerRef) {
        self.push_later(container, Duration::ZERO);
    }

    /// Queues a container to be attended to after `delay`. An earlier entry of it stays.
    pub fn push_later(&self, container: ContainerRef, delay: Duration) {
        let at = Instant::now() + delay;
        let mut due = self.lock();
        due.entry(container)
            .and_modify(|earlier| *earlier = at.min(*earlier))
            .or_insert(at);
        self.changed.notify_one();
    }

    /// Takes the next container that is due, and waits until there is one.
    pub fn next(&self) -> ContainerRef {
        let mut due = self.lock();
        loop {
            let first = due.iter().min_by_key(|(_, at)| **at);
            let first = first.map(|(container, at)| (container.clone(), *at));
            let now = Instant::now();
            due = match first {
                Some((container, at)) if at <= now => {
                    due.remove(&container);
                    return container;
                }
                Some((_, at)) => {
                    let waited = self.changed.wait_timeout(due, at.duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.changed.wait(due);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ContainerRef, Instant>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str) -> ContainerRef {
        ContainerRef::new(&"tank".parse().unwrap(), &name.parse().unwrap())
    }

    #[test]
    fn what_is_due_first_comes_first_and_only_once() {
        let queue = ExitQueue::default();
        queue.push_later(container("late"), Duration::from_millis(30));
        queue.push(container("b"));
        queue.push(container("b"));
        queue.push_later(container("b"), Duration::from_mins(1));
        assert_eq!(queue.next(), container("b"));
        assert_eq!(queue.next(), container("late"));
        assert!(queue.lock().is_empty());
    }

    #[test]
    fn a_thousand_exits_from_many_threads_are_all_taken() {
        let queue = ExitQueue::default();
        let taken = std::thread::scope(|scope| {
            for thread in 0..10 {
                let queue = &queue;
                scope.spawn(move || {
                    for number in 0..100 {
                        queue.push(container(&format!("c{thread}-{number}")));
                    }
                });
            }
            let take = || (0..500).map(|_| queue.next()).collect::<Vec<_>>();
            let takers = [scope.spawn(take), scope.spawn(take)];
            let taken = takers.into_iter().flat_map(|taker| taker.join().unwrap());
            taken.collect::<std::collections::BTreeSet<_>>()
        });
        assert_eq!(taken.len(), 1000);
    }
}
