//! Turns: who may change an entity, and who waits for it (ADR-3).
//!
//! Each entity has one queue, made when the first operation comes and removed when the last has
//! gone. The operation at its head holds the entity; the others wait in the order in which they
//! came. There is no lock order to get wrong: [`Owners::all`] is the only way to hold several
//! entities, and it takes its turns in the order of [`EntityRef`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use os_types::{Code, EntityRef, Failure, OpId};
use tokio::sync::oneshot;

use crate::control::Control;

/// All queues.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    queues: Arc<Mutex<BTreeMap<EntityRef, Queue>>>,
    bound: usize,
}

/// The queue of one entity. One that exists has a holder.
#[derive(Debug)]
struct Queue {
    holder: Place,
    waiting: VecDeque<(Place, oneshot::Sender<()>)>,
}

/// An operation's place in a queue.
#[derive(Debug)]
struct Place {
    operation: OpId,
    /// Since when it holds the entity, or waits for it.
    since: Timestamp,
}

/// A place in the queue of one entity; dropping it gives it up, be it waiting or at the head.
#[derive(Debug)]
pub(crate) struct Turn {
    owners: Owners,
    entity: EntityRef,
    operation: OpId,
    granted: Option<oneshot::Receiver<()>>,
}

impl Owners {
    /// Queues in which at most `bound` operations wait.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            queues: Arc::default(),
            bound,
        }
    }

    /// Takes a place in the queue of `entity`; an operation may do so once.
    pub(crate) fn line_up(&self, entity: &EntityRef, operation: &OpId) -> Result<Turn, Failure> {
        let place = Place {
            operation: operation.clone(),
            since: Timestamp::now(),
        };
        let mut queues = self.lock();
        let granted = match queues.get_mut(entity) {
            None => {
                let waiting = VecDeque::new();
                let holder = place;
                queues.insert(entity.clone(), Queue { holder, waiting });
                None
            }
            Some(queue) if queue.waiting.len() >= self.bound => {
                let (bound, holder) = (self.bound, &queue.holder.operation);
                let text = format!("{bound} operations wait for {entity} already, behind {holder}");
                return Err(Failure::new(Code::Busy, text)
                    .about(entity)
                    .next("osctl operation ls"));
            }
            Some(queue) => {
                let (grant, granted) = oneshot::channel();
                queue.waiting.push_back((place, grant));
                Some(granted)
            }
        };
        drop(queues);
        Ok(Turn {
            owners: self.clone(),
            entity: entity.clone(),
            operation: operation.clone(),
            granted,
        })
    }

    /// Waits for the turn with all `entities`; `first` is a place taken before with the first one.
    ///
    /// # Cancel safety
    /// Dropping the future gives up every place taken.
    pub(crate) async fn all(
        &self,
        entities: &BTreeSet<EntityRef>,
        operation: &OpId,
        mut first: Option<Turn>,
        control: &Control,
    ) -> Result<Vec<Turn>, Failure> {
        let mut turns = Vec::with_capacity(entities.len());
        for entity in entities {
            let place = first.take_if(|turn| turn.entity == *entity);
            let mut turn = place.map_or_else(|| self.line_up(entity, operation), Ok)?;
            let what = || self.waited_for(entity);
            control.bound(turn.granted(), what).await?;
            turns.push(turn);
        }
        Ok(turns)
    }

    /// Who has what and who waits, in the order of the entities.
    pub(crate) fn list(&self) -> Vec<os_api::Queue> {
        let view = |(entity, queue): (&EntityRef, &Queue)| os_api::Queue {
            entity: entity.clone(),
            holder: queue.holder.operation.clone(),
            since: queue.holder.since,
            waiting: queue
                .waiting
                .iter()
                .map(|(place, _)| place.operation.clone())
                .collect(),
        };
        self.lock().iter().map(view).collect()
    }

    /// What `operation` waits for, e.g. `user tank:alice, held by 20261122-213015.123-4f2a since 3 s`.
    pub(crate) fn waits_for(&self, operation: &OpId) -> Option<String> {
        let queues = self.lock();
        let waits = |queue: &Queue| {
            let mut places = queue.waiting.iter();
            places.any(|(place, _)| place.operation == *operation)
        };
        let (entity, queue) = queues.iter().find(|(_, queue)| waits(queue))?;
        Some(describe(entity, Some(queue)))
    }

    fn waited_for(&self, entity: &EntityRef) -> String {
        let queues = self.lock();
        format!(
            "its turn came with {}",
            describe(entity, queues.get(entity))
        )
    }

    fn leave(&self, entity: &EntityRef, operation: &OpId) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(entity) else {
            return;
        };
        if queue.holder.operation != *operation {
            queue
                .waiting
                .retain(|(place, _)| place.operation != *operation);
            return;
        }
        // A receiver lives as long as its place is in the queue, so the first send succeeds; the
        // loop only makes that no condition for progress.
        while let Some((mut place, grant)) = queue.waiting.pop_front() {
            place.since = Timestamp::now();
            queue.holder = place;
            if grant.send(()).is_ok() {
                return;
            }
        }
        queues.remove(entity);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<EntityRef, Queue>> {
        // No code between lock and unlock can panic half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(entity: &EntityRef, queue: Option<&Queue>) -> String {
    let Some(Queue { holder, .. }) = queue else {
        return entity.to_string();
    };
    let seconds = holder.since.duration_until(Timestamp::now()).as_secs();
    let operation = &holder.operation;
    format!("{entity}, held by {operation} since {seconds} s")
}

impl Turn {
    /// Waits until it is at the head.
    async fn granted(&mut self) {
        if let Some(granted) = self.granted.as_mut() {
            // The sender is dropped only when this turn leaves the queue.
            if granted.await.is_ok() {
                self.granted = None;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.owners.leave(&self.entity, &self.operation);
    }
}

#[cfg(test)]
mod tests;
