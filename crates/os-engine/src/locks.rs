//! Locks: which operation may change an entity, and which ones wait for it (ADR-3, ADR-16).
//!
//! Each entity has one queue, made when the first operation comes and removed when the last has
//! gone. The operation at its head holds the entity; the others wait in the order in which they
//! came. An operation on something that is on a pool also *shares* the pool: such operations run
//! side by side, but never beside one that touches the pool itself. An operation that waits for its
//! pool exclusively is not overtaken by later ones that would share it.
//!
//! An *urgent* operation (`ct stop --kill`) passes all that wait, asks a holder that yields to stop,
//! and shares a pool whose exclusive holder has opened it for urgent ones ([`LockTable::open`]).
//!
//! Deadlocks: [`LockTable::acquire`] takes locks in the order of [`EntityRef`] only: a pool comes
//! before everything on it. The holder of the greatest entity that any operation
//! waits for waits for nothing, so at least one can always go on. An operation moves on to its next
//! queue at the moment in which it gets a lock: two that touch the same entities come to each queue
//! in the same order. What is acquired while other locks are held must be greater than all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use os_types::{Code, EntityRef, Failure, OpId};
use tokio::sync::oneshot;

use crate::cancellation::Cancellation;
use crate::control::Control;
use crate::request::Strength;

use self::queue::{Claims, Mode, Queue, Request, claims};

mod queue;
mod steps;

pub(crate) use self::steps::StepLocks;

/// All queues.
#[derive(Debug, Clone)]
pub(crate) struct LockTable {
    queues: Arc<Mutex<Queues>>,
    bound: usize,
}

type Queues = BTreeMap<EntityRef, Queue>;

/// An operation that wants locks.
#[derive(Debug, Clone)]
pub(crate) struct Claimant {
    pub(crate) operation: OpId,
    /// What to call it, e.g. `container-stop`.
    pub(crate) command: String,
    pub(crate) strength: Strength,
    /// It is refused if a queue is full.
    pub(crate) is_bounded: bool,
    /// Cancelled when it has to yield.
    pub(crate) cancellation: Cancellation,
}

impl Claimant {
    fn is_urgent(&self) -> bool {
        self.strength == Strength::Urgent
    }

    fn yield_to(&self, urgent: &Self) {
        if self.strength.yields() {
            let Self {
                command, operation, ..
            } = urgent;
            let reason = format!("taken over by {command} {operation}");
            self.cancellation.cancel(&reason);
        }
    }

    fn withdraw_for(&self, urgent: &Self) {
        let Self {
            command, operation, ..
        } = urgent;
        let reason = format!("withdrawn by {command} {operation}");
        self.cancellation.cancel(&reason);
    }
}

/// The locks of one operation, held or waited for; dropping it releases all of them.
#[derive(Debug)]
pub(crate) struct LockSet {
    locks: LockTable,
    operation: OpId,
    /// In the order in which they are taken; the last ones may not be held yet.
    entities: Vec<EntityRef>,
    /// None if it has them all.
    granted: Option<oneshot::Receiver<Result<(), Failure>>>,
}

impl LockTable {
    /// Queues in which at most `bound` operations wait. The number of those that share an entity is
    /// bounded by the number of operations in flight.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            queues: Arc::default(),
            bound,
        }
    }

    /// Takes the locks of what is touched, or a place in the first queue where it has to wait.
    ///
    /// # Errors
    /// `Code::Busy` if a queue is full.
    pub(crate) fn acquire(
        &self,
        touches: &BTreeSet<EntityRef>,
        claimant: &Claimant,
    ) -> Result<LockSet, Failure> {
        self.claim(claims(touches), claimant)
    }

    /// As [`LockTable::acquire`], of one entity alone: not of the pool it is on, which the operation
    /// holds already.
    pub(crate) fn acquire_one(
        &self,
        entity: &EntityRef,
        claimant: &Claimant,
    ) -> Result<LockSet, Failure> {
        let claims = Claims::from([(entity.clone(), Mode::Exclusive)]);
        self.claim(claims, claimant)
    }

    fn claim(&self, claims: Claims, claimant: &Claimant) -> Result<LockSet, Failure> {
        let (sender, mut granted) = oneshot::channel();
        let mut set = LockSet {
            locks: self.clone(),
            operation: claimant.operation.clone(),
            entities: claims.keys().cloned().collect(),
            granted: None,
        };
        let wants = claims.iter().filter(|(_, mode)| **mode == Mode::Exclusive);
        let request = Request {
            claimant: claimant.clone(),
            wants: wants.map(|(entity, _)| entity.clone()).collect(),
            rest: claims.into_iter(),
            granted: sender,
        };
        let mut queues = self.lock();
        if claimant.is_urgent() {
            // Those that wait for something else first, e.g. the pool, are in another queue.
            let entities = &set.entities;
            queues
                .values()
                .for_each(|queue| queue.withdraw_starts(entities, claimant));
        }
        self.proceed(&mut queues, request);
        drop(queues);
        match granted.try_recv() {
            Ok(at_once) => at_once?,
            Err(_) => set.granted = Some(granted),
        }
        Ok(set)
    }

    /// Lets urgent operations share entities that an operation holds exclusively.
    pub(crate) fn open(&self, entities: &[EntityRef]) {
        let mut queues = self.lock();
        for entity in entities {
            let granted = queues.get_mut(entity).map(|queue| queue.set_open(true));
            for request in granted.into_iter().flatten() {
                self.proceed(&mut queues, request);
            }
        }
    }

    /// The opposite of [`LockTable::open`]: waits until those that were let in are gone.
    ///
    /// # Errors
    /// `Code::Deadline` if one of them hangs.
    pub(crate) async fn close(
        &self,
        entities: &[EntityRef],
        control: &Control,
    ) -> Result<(), Failure> {
        for entity in entities {
            let (sender, alone) = oneshot::channel();
            if let Some(queue) = self.lock().get_mut(entity) {
                queue.set_open(false);
                queue.when_alone(sender);
            }
            let what = || format!("the last kill on {entity} ended");
            // An error of the channel means that the queue is gone, and so are all holders.
            drop(control.bound(alone, what).await?);
        }
        Ok(())
    }

    /// Takes lock after lock until it has all, or has to wait.
    fn proceed(&self, queues: &mut Queues, mut request: Request) {
        let outcome = loop {
            let Some((entity, mode)) = request.rest.next() else {
                break Ok(());
            };
            let queue = queues.entry(entity.clone()).or_insert_with(Queue::new);
            if queue.admit(mode, &request.claimant) {
                continue;
            }
            let bound = self.bound;
            if queue.length() < bound || !request.claimant.is_bounded {
                queue.wait(mode, request);
                return;
            }
            let held_by = queue.held_by();
            let text = format!("{bound} operations wait for {entity} already, held by {held_by}");
            let failure = Failure::new(Code::Busy, text);
            break Err(failure.about(&entity).next("osctl operation ls"));
        };
        // An operation that gives up leaves its queue first, so there is a receiver. If not, the
        // locks are released all the same.
        drop(request.granted.send(outcome));
    }

    /// The holders and waiting operations of each entity, in the order of the entities.
    pub(crate) fn list(&self) -> Vec<os_api::Queue> {
        let queues = self.lock();
        queues
            .iter()
            .map(|(name, queue)| queue.view(name))
            .collect()
    }

    /// What `operation` waits for, e.g. `user tank:alice, held by 20261122-213015.123-4f2a for 3 s`.
    pub(crate) fn waits_for(&self, operation: &OpId) -> Option<String> {
        let queues = self.lock();
        queues.iter().find_map(|(entity, queue)| {
            let why = queue.waits_for(operation)?;
            Some(format!("{entity}, {why}"))
        })
    }

    fn leave(&self, entities: &[EntityRef], operation: &OpId) {
        let mut queues = self.lock();
        // Backwards, so that an operation that gets a lock finds the next one free, not full.
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
    /// Dropping the future releases every lock and leaves the queue.
    pub(crate) async fn all(mut self, control: &Control) -> Result<Self, Failure> {
        if let Some(granted) = self.granted.take() {
            let what = || match self.locks.waits_for(&self.operation) {
                None => "its turn came".to_owned(),
                Some(what) => format!("its turn came with {what}"),
            };
            let granted = control.bound(granted, what).await?;
            // The sender is dropped without a message only when this set is.
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
