//! Events: recent changes, for clients that watch.
//!
//! One ring for all; a subscriber is only a revision up to which it has read. So a slow one needs
//! no memory and delays no other: when the ring has overwritten its position, it gets an event about the gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use os_api::{Event, EventBody};
use tokio::sync::watch;

/// The ring. Revisions count from 1 in each run of the daemon.
#[derive(Debug, Clone)]
pub struct Events {
    ring: Arc<Mutex<Ring>>,
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Ring {
    events: VecDeque<Event>,
    next: u64,
    bound: usize,
}

/// A reader of events.
#[derive(Debug)]
pub struct Subscription {
    ring: Arc<Mutex<Ring>>,
    newest: watch::Receiver<u64>,
    next: u64,
}

impl Events {
    /// A ring that remembers `bound` events.
    pub(crate) fn new(bound: usize) -> Self {
        let ring = Ring {
            events: VecDeque::new(),
            next: 1,
            bound,
        };
        Self {
            ring: Arc::new(Mutex::new(ring)),
            newest: watch::Sender::new(0),
        }
    }

    /// Adds an event; returns its revision.
    pub fn emit(&self, body: EventBody) -> u64 {
        let mut ring = lock(&self.ring);
        let revision = ring.next;
        ring.next += 1;
        if ring.events.len() == ring.bound {
            ring.events.pop_front();
        }
        ring.events.push_back(Event {
            revision,
            time: Timestamp::now(),
            body,
        });
        // Under the lock, so that the number of revisions a reader sees never falls.
        self.newest.send_replace(revision);
        drop(ring);
        revision
    }

    /// The revision of the newest event, 0 before the first.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Reads on after revision `after`, or from now on if that is `None`.
    ///
    /// If events in between are gone already, or `after` has not come yet (it is of another run of
    /// the daemon), the first event is a [`EventBody::Gap`].
    pub fn subscribe(&self, after: Option<u64>) -> Subscription {
        Subscription {
            ring: Arc::clone(&self.ring),
            newest: self.newest.subscribe(),
            next: after.unwrap_or_else(|| self.newest()).saturating_add(1),
        }
    }
}

impl Subscription {
    /// The next event; `None` once the engine is gone.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            self.newest.borrow_and_update();
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            self.newest.changed().await.ok()?;
        }
    }

    /// The next event if it is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        let ring = lock(&self.ring);
        let oldest = ring.next - ring.events.len() as u64;
        if self.next < oldest || self.next > ring.next {
            // A revision from the future is one of an earlier daemon: all that is here is news.
            self.next = oldest;
            return Some(Event {
                revision: oldest - 1,
                time: Timestamp::now(),
                body: EventBody::Gap { resumed_at: oldest },
            });
        }
        let index = usize::try_from(self.next - oldest).ok()?;
        let event = ring.events.get(index)?.clone();
        self.next += 1;
        Some(event)
    }
}

fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    // No code between lock and unlock can panic half-way through a change.
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use os_api::view::DaemonState;

    use super::*;

    fn event() -> EventBody {
        EventBody::Daemon {
            state: DaemonState::Ready,
        }
    }

    #[test]
    fn resumes_after_a_revision() {
        let events = Events::new(8);
        for _ in 0..5 {
            events.emit(event());
        }
        let mut reader = events.subscribe(Some(3));
        assert_eq!(reader.try_next().unwrap().revision, 4);
        assert_eq!(reader.try_next().unwrap().revision, 5);
        assert_eq!(reader.try_next(), None);
        assert_eq!(events.subscribe(None).try_next(), None);
    }

    #[test]
    fn a_slow_reader_is_told_of_the_gap() {
        let events = Events::new(4);
        let mut reader = events.subscribe(Some(0));
        for _ in 0..10 {
            events.emit(event());
        }
        assert_eq!(
            reader.try_next().unwrap().body,
            EventBody::Gap { resumed_at: 7 }
        );
        let rest: Vec<u64> = std::iter::from_fn(|| reader.try_next())
            .map(|event| event.revision)
            .collect();
        assert_eq!(rest, [7, 8, 9, 10]);
    }

    #[test]
    fn a_revision_of_an_earlier_daemon_is_a_gap() {
        let events = Events::new(4);
        events.emit(event());
        let mut reader = events.subscribe(Some(1000));
        assert_eq!(
            reader.try_next().unwrap().body,
            EventBody::Gap { resumed_at: 1 }
        );
        assert_eq!(reader.try_next().unwrap().revision, 1);
    }

    #[tokio::test]
    async fn a_reader_waits_and_ends_with_the_engine() {
        let events = Events::new(4);
        let mut reader = events.subscribe(None);
        let waiting = tokio::spawn(async move { (reader.next().await, reader.next().await) });
        tokio::task::yield_now().await;
        events.emit(event());
        drop(events);
        let (first, last) = waiting.await.unwrap();
        assert_eq!(first.unwrap().revision, 1);
        assert_eq!(last, None);
    }
}
