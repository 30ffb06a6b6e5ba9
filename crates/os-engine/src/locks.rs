//! Locks: which operation may change an entity, and which ones wait for it (ADR-3).
//!
//! Each entity has one queue, made when the first operation comes and removed when the last has
//! gone. The operation at its head holds the entity; the others wait in the order in which they
//! came. An operation on something that is on a pool also *shares* the turn of the pool: such
//! operations run side by side, but never beside one that touches the pool itself. An operation
//! that waits for its pool alone is not overtaken by later ones that would share it.
//!
//! There is no lock order to get wrong: [`LockTable::acquire`] is the only way to take locks, and it
//! takes them in the order of [`EntityRef`], in which a pool comes before all that is on it. Who
//! holds the greatest entity that anybody waits for waits for nothing, so somebody can always go on.
//! An operation moves on to its next queue in the very moment in which its turn comes: two that
//! touch the same come to each queue in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use os_types::{Code, EntityRef, Failure, OpId};
use tokio::sync::oneshot;

use self::queue::{Queue, Request, claims};
use crate::control::Control;

mod queue;

/// All queues.
#[derive(Debug, Clone)]
pub(crate) struct LockTable {
    queues: Arc<Mutex<Queues>>,
    bound: usize,
}

type Queues = BTreeMap<EntityRef, Queue>;

/// The locks of one operation, had or waited for; dropping it gives all of them up.
#[derive(Debug)]
pub(crate) struct LockSet {
    locks: LockTable,
    operation: OpId,
    /// In the order in which they are taken; of the last ones it may have none yet.
    entities: Vec<EntityRef>,
    /// None if it has them all.
    granted: Option<oneshot::Receiver<Result<(), Failure>>>,
}

impl LockTable {
    /// Queues in which at most `bound` operations wait. How many share a turn is bounded by how
    /// many are on their way.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            queues: Arc::default(),
            bound,
        }
    }

    /// Takes the locks with what is touched, or a place in the first queue where it has to wait.
    /// An operation may do so again only after it gave up what it had.
    pub(crate) fn acquire(
        &self,
        touches: &BTreeSet<EntityRef>,
        operation: &OpId,
    ) -> Result<LockSet, Failure> {
        let claims = claims(touches);
        let (sender, mut granted) = oneshot::channel();
        let mut held = LockSet {
            locks: self.clone(),
            operation: operation.clone(),
            entities: claims.keys().cloned().collect(),
            granted: None,
        };
        let request = Request {
            operation: operation.clone(),
            rest: claims.into_iter(),
            granted: sender,
        };
        self.proceed(&mut self.lock(), request);
        match granted.try_recv() {
            Ok(at_once) => at_once?,
            Err(_) => held.granted = Some(granted),
        }
        Ok(held)
    }

    /// Takes turn after turn until it has all, or has to wait.
    fn proceed(&self, queues: &mut Queues, mut request: Request) {
        let outcome = loop {
            let Some((entity, mode)) = request.rest.next() else {
                break Ok(());
            };
            let queue = queues.entry(entity.clone()).or_insert_with(Queue::new);
            if queue.admit(mode, &request.operation) {
                continue;
            }
            let bound = self.bound;
            if queue.length() < bound {
                queue.wait(mode, request);
                return;
            }
            let held_by = queue.held_by();
            let text = format!("{bound} operations wait for {entity} already, held by {held_by}");
            let failure = Failure::new(Code::Busy, text);
            break Err(failure.about(&entity).next("osctl operation ls"));
        };
        // Whoever gives up waiting leaves its queue first, so there is somebody to tell. If not, the
        // locks are given back all the same.
        drop(request.granted.send(outcome));
    }

    /// Who has what and who waits, in the order of the entities.
    pub(crate) fn list(&self) -> Vec<os_api::Queue> {
        let queues = self.lock();
        queues
            .iter()
            .map(|(name, queue)| queue.view(name))
            .collect()
    }

    /// What `operation` waits for, e.g. `user tank:alice, held by 20261122-213015.123-4f2a since 3 s`.
    pub(crate) fn waits_for(&self, operation: &OpId) -> Option<String> {
        let queues = self.lock();
        queues.iter().find_map(|(entity, queue)| {
            let why = queue.waits_for(operation)?;
            Some(format!("{entity}, {why}"))
        })
    }

    fn leave(&self, entities: &[EntityRef], operation: &OpId) {
        let mut queues = self.lock();
        // Backwards, so that who gets a turn finds the next one free, not full.
        for entity in entities.iter().rev() {
            let Some(queue) = queues.get_mut(entity) else {
                continue;
            };
            let granted = queue.remove(operation);
            if queue.is_idle() {
                queues.remove(entity);
            }
            for request in granted {
                self.proceed(&mut queues, request);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        // No code between lock and unlock can panic half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LockSet {
    /// Waits until it has all locks.
    ///
    /// # Cancel safety
    /// Dropping the future gives up every place taken.
    pub(crate) async fn all(mut self, control: &Control) -> Result<Self, Failure> {
        if let Some(granted) = self.granted.take() {
            let what = || match self.locks.waits_for(&self.operation) {
                None => "its turn came".to_owned(),
                Some(what) => format!("its turn came with {what}"),
            };
            let granted = control.bound(granted, what).await?;
            // The sender is dropped untold only when these locks are.
            granted.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "its turn was lost")))?;
        }
        Ok(self)
    }
}

impl Drop for LockSet {
    fn drop(&mut self) {
        self.locks.leave(&self.entities, &self.operation);
    }
}

#[cfg(test)]
mod tests;
