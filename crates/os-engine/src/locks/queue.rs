//! The queue of one entity: who has the turn, who waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map};

use jiff::Timestamp;
use os_api::TurnHolder;
use os_types::{EntityRef, Failure, OpId};
use tokio::sync::oneshot;

/// How an operation has a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Alone.
    Exclusive,
    /// With others that share it too.
    Shared,
}

/// What an operation needs locks with, in the order in which it takes them.
pub(super) type Claims = BTreeMap<EntityRef, Mode>;

/// What is touched is had alone. The pools it is on are shared, which keeps away whoever touches
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
    pub(super) operation: OpId,
    /// What it has not asked for yet.
    pub(super) rest: btree_map::IntoIter<EntityRef, Mode>,
    /// Told once it has all its locks, or a queue was full.
    pub(super) granted: oneshot::Sender<Result<(), Failure>>,
}

/// The queue of one entity.
///
/// One that exists has holders. The first that waits does not fit to them; nobody overtakes it.
#[derive(Debug)]
pub(super) struct Queue {
    /// The mode of all holders.
    mode: Mode,
    /// One, or several that share it, in the order in which their locks came.
    holders: Vec<TurnHolder>,
    waiting: VecDeque<(Mode, Request)>,
}

impl Queue {
    /// A queue that nobody is in.
    pub(super) fn new() -> Self {
        Self {
            mode: Mode::Exclusive,
            holders: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.holders.is_empty()
    }

    /// How many wait.
    pub(super) fn length(&self) -> usize {
        self.waiting.len()
    }

    /// Gives the turn at once, if it is free for `mode` and nobody waits.
    pub(super) fn admit(&mut self, mode: Mode, operation: &OpId) -> bool {
        let admitted = self.waiting.is_empty() && self.fits(mode);
        if admitted {
            self.hold(mode, operation);
        }
        admitted
    }

    pub(super) fn wait(&mut self, mode: Mode, request: Request) {
        self.waiting.push_back((mode, request));
    }

    /// Takes an operation out, be it a holder or waiting.
    ///
    /// *Shape*: the requests whose turn came by that, first come first.
    pub(super) fn remove(&mut self, operation: &OpId) -> Vec<Request> {
        self.holders.retain(|holder| holder.operation != *operation);
        self.waiting
            .retain(|(_, request)| request.operation != *operation);
        let mut granted = Vec::new();
        while self
            .waiting
            .front()
            .is_some_and(|(mode, _)| self.fits(*mode))
            && let Some((mode, request)) = self.waiting.pop_front()
        {
            self.hold(mode, &request.operation);
            granted.push(request);
        }
        granted
    }

    fn fits(&self, mode: Mode) -> bool {
        self.is_idle() || (self.mode, mode) == (Mode::Shared, Mode::Shared)
    }

    fn hold(&mut self, mode: Mode, operation: &OpId) {
        self.mode = mode;
        self.holders.push(TurnHolder {
            operation: operation.clone(),
            since: Timestamp::now(),
        });
    }

    /// Who has it, e.g. `20261122-213015.123-4f2a since 3 s and 2 others`.
    pub(super) fn held_by(&self) -> String {
        let Some(TurnHolder { operation, since }) = self.holders.first() else {
            return "nobody".to_owned();
        };
        let seconds = since.duration_until(Timestamp::now()).as_secs();
        let first = format!("{operation} since {seconds} s");
        match self.holders.len() {
            1 => first,
            2 => format!("{first} and another"),
            count => format!("{first} and {} others", count - 1),
        }
    }

    /// What an operation waits for, if it waits here, e.g. `held by 20261122-213015.123-4f2a since
    /// 3 s, behind 20261122-213016.456-9c01`.
    pub(super) fn waits_for(&self, operation: &OpId) -> Option<String> {
        let mut waiting = self.waiting.iter().map(|(_, request)| &request.operation);
        let place = waiting.position(|waiting| waiting == operation)?;
        let ahead = place.checked_sub(1).and_then(|at| self.waiting.get(at));
        // Who could share the turn with its holders wants to know who keeps it from that.
        let behind = ahead.map(|(_, ahead)| format!(", behind {}", ahead.operation));
        let held_by = self.held_by();
        Some(format!("held by {held_by}{}", behind.unwrap_or_default()))
    }

    pub(super) fn view(&self, entity: &EntityRef) -> os_api::Queue {
        let waiting = self.waiting.iter();
        os_api::Queue {
            entity: entity.clone(),
            holders: self.holders.clone(),
            shared: self.mode == Mode::Shared,
            waiting: waiting
                .map(|(_, request)| request.operation.clone())
                .collect(),
        }
    }
}
