//! The queue of one entity: which operations hold it, which ones wait for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map};

use jiff::Timestamp;
use os_api::TurnHolder;
use os_types::{EntityRef, Failure, OpId};
use tokio::sync::oneshot;

use super::Claimant;
use crate::request::Strength;

/// How an operation holds an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Alone.
    Exclusive,
    /// With others that share it too.
    Shared,
}

/// The locks that an operation needs, in the order in which it takes them.
pub(super) type Claims = BTreeMap<EntityRef, Mode>;

/// What is touched is held exclusively. The pools it is on are shared, which excludes operations on
/// one of these pools as a whole.
pub(super) fn claims(touches: &BTreeSet<EntityRef>) -> Claims {
    let pools = touches.iter().filter_map(EntityRef::pool);
    let pools = pools.map(|pool| EntityRef::Pool { pool: pool.clone() });
    let mut claims: Claims = pools.map(|pool| (pool, Mode::Shared)).collect();
    // Last, so that a pool that is touched itself is not shared.
    let touched = touches.iter().cloned();
    claims.extend(touched.map(|entity| (entity, Mode::Exclusive)));
    claims
}

/// An operation on its way from queue to queue. It is in the one where it waits.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) claimant: Claimant,
    /// What it takes exclusively.
    pub(super) wants: Vec<EntityRef>,
    /// What it has not asked for yet.
    pub(super) rest: btree_map::IntoIter<EntityRef, Mode>,
    /// Gets the result once it has all its locks, or a queue was full.
    pub(super) granted: oneshot::Sender<Result<(), Failure>>,
}

#[derive(Debug)]
struct Holder {
    view: TurnHolder,
    mode: Mode,
    claimant: Claimant,
}

/// The queue of one entity.
///
/// The first operation that waits does not fit to the holders. Only an urgent one passes it.
#[derive(Debug)]
pub(super) struct Queue {
    /// One, or several that share the entity, in the order in which they got it. While the queue is
    /// open, urgent operations share it with a holder that has it exclusively.
    holders: Vec<Holder>,
    waiting: VecDeque<(Mode, Request)>,
    /// The exclusive holder lets urgent operations in.
    is_open: bool,
    /// Gets a message once the exclusive holder is alone again.
    alone: Option<oneshot::Sender<()>>,
}

impl Queue {
    /// A queue without operations.
    pub(super) fn new() -> Self {
        Self {
            holders: Vec::new(),
            waiting: VecDeque::new(),
            is_open: false,
            alone: None,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.holders.is_empty()
    }

    /// The number of operations that wait.
    pub(super) fn length(&self) -> usize {
        self.waiting.len()
    }

    /// Grants the lock at once if it is free for `mode` and no operation waits, or this one is
    /// urgent.
    pub(super) fn admit(&mut self, mode: Mode, claimant: &Claimant) -> bool {
        let is_next = self.waiting.is_empty() || claimant.is_urgent();
        let admitted = is_next && self.fits(mode, claimant);
        if admitted {
            self.hold(mode, claimant);
        }
        admitted
    }

    /// Adds an operation to those that wait: an urgent one before all others, and the holders that
    /// yield to it are asked to stop.
    pub(super) fn wait(&mut self, mode: Mode, request: Request) {
        if !request.claimant.is_urgent() {
            self.waiting.push_back((mode, request));
            return;
        }
        if mode == Mode::Exclusive {
            for holder in &self.holders {
                holder.claimant.yield_to(&request.claimant);
            }
        }
        let urgent = self.waiting.iter();
        let urgent = urgent.take_while(|(_, waiting)| waiting.claimant.is_urgent());
        let place = urgent.count();
        self.waiting.insert(place, (mode, request));
    }

    /// Withdraws the starts that wait here and touch one of `entities`.
    pub(super) fn withdraw_starts(&self, entities: &[EntityRef], urgent: &Claimant) {
        for (_, waiting) in &self.waiting {
            let Request {
                claimant, wants, ..
            } = waiting;
            let is_start = claimant.strength == Strength::Starting;
            if is_start && wants.iter().any(|wanted| entities.contains(wanted)) {
                claimant.withdraw_for(urgent);
            }
        }
    }

    /// Lets urgent operations share an entity that is held exclusively, or no longer.
    ///
    /// *Shape*: the requests that were granted by that.
    pub(super) fn set_open(&mut self, is_open: bool) -> Vec<Request> {
        self.is_open = is_open;
        self.grant()
    }

    /// Whether one operation holds it alone; if not, `alone` gets a message when that is so.
    pub(super) fn when_alone(&mut self, alone: oneshot::Sender<()>) {
        self.alone = Some(alone);
        self.tell_if_alone();
    }

    fn tell_if_alone(&mut self) {
        if self.holders.len() <= 1
            && let Some(alone) = self.alone.take()
        {
            // An error means that the operation does not wait any more.
            let _gone = alone.send(());
        }
    }

    /// Removes an operation, whether it holds the lock or waits.
    ///
    /// *Shape*: the requests that were granted by that, first come first.
    pub(super) fn remove(&mut self, operation: &OpId) -> Vec<Request> {
        self.holders
            .retain(|holder| holder.view.operation != *operation);
        self.waiting
            .retain(|(_, request)| request.claimant.operation != *operation);
        self.tell_if_alone();
        self.grant()
    }

    fn grant(&mut self) -> Vec<Request> {
        let mut granted = Vec::new();
        while self
            .waiting
            .front()
            .is_some_and(|(mode, request)| self.fits(*mode, &request.claimant))
            && let Some((mode, request)) = self.waiting.pop_front()
        {
            self.hold(mode, &request.claimant);
            granted.push(request);
        }
        granted
    }

    fn fits(&self, mode: Mode, claimant: &Claimant) -> bool {
        let is_let_in = self.is_open && claimant.is_urgent();
        let mut holders = self.holders.iter();
        self.is_idle()
            || mode == Mode::Shared
                && holders.all(|holder| holder.mode == Mode::Shared || is_let_in)
    }

    fn hold(&mut self, mode: Mode, claimant: &Claimant) {
        let view = TurnHolder {
            operation: claimant.operation.clone(),
            since: Timestamp::now(),
        };
        self.holders.push(Holder {
            view,
            mode,
            claimant: claimant.clone(),
        });
    }

    /// The holders, e.g. `20261122-213015.123-4f2a for 3 s and 2 others`.
    pub(super) fn held_by(&self) -> String {
        let Some(holder) = self.holders.first() else {
            return "nobody".to_owned();
        };
        let TurnHolder { operation, since } = &holder.view;
        let seconds = since.duration_until(Timestamp::now()).as_secs();
        let first = format!("{operation} for {seconds} s");
        match self.holders.len() {
            1 => first,
            2 => format!("{first} and another"),
            count => format!("{first} and {} others", count - 1),
        }
    }

    /// What an operation waits for, if it waits here, e.g. `held by 20261122-213015.123-4f2a for
    /// 3 s, behind 20261122-213016.456-9c01`.
    pub(super) fn waits_for(&self, operation: &OpId) -> Option<String> {
        let mut waiting = self
            .waiting
            .iter()
            .map(|(_, request)| &request.claimant.operation);
        let place = waiting.position(|waiting| waiting == operation)?;
        let ahead = place.checked_sub(1).and_then(|at| self.waiting.get(at));
        // An operation that could share with the holders shall see which one keeps it from that.
        let behind = ahead.map(|(_, ahead)| format!(", behind {}", ahead.claimant.operation));
        let held_by = self.held_by();
        Some(format!("held by {held_by}{}", behind.unwrap_or_default()))
    }

    pub(super) fn view(&self, entity: &EntityRef) -> os_api::Queue {
        let waiting = self.waiting.iter();
        let mut holders = self.holders.iter();
        os_api::Queue {
            entity: entity.clone(),
            shared: holders.clone().all(|holder| holder.mode == Mode::Shared),
            holders: holders.by_ref().map(|holder| holder.view.clone()).collect(),
            waiting: waiting
                .map(|(_, request)| request.claimant.operation.clone())
                .collect(),
        }
    }
}
