use std::time::Duration;

use os_types::{Plan, PoolName};

use super::*;
use crate::fake::{user, whole};

const LONG: Duration = Duration::from_mins(1);

fn id(number: u16) -> OpId {
    OpId::new(jiff::Timestamp::UNIX_EPOCH, number)
}

fn set(names: &[&str]) -> BTreeSet<EntityRef> {
    names.iter().map(|name| user(name)).collect()
}

fn claimant(number: u16, strength: Strength) -> Claimant {
    Claimant {
        operation: id(number),
        command: "test".to_owned(),
        strength,
        is_bounded: strength != Strength::Urgent,
        cancellation: Cancellation::new(),
    }
}

/// One exclusive lock.
fn alone(locks: &LockTable, number: u16) -> Result<LockSet, Failure> {
    locks.acquire(
        &BTreeSet::from([whole()]),
        &claimant(number, Strength::Normal),
    )
}

fn on(locks: &LockTable, name: &str, number: u16) -> Result<LockSet, Failure> {
    locks.acquire(&set(&[name]), &claimant(number, Strength::Normal))
}

/// Holders of an entity, and waiting operations.
fn queue(locks: &LockTable, entity: &EntityRef) -> (Vec<OpId>, Vec<OpId>) {
    let mut queues = locks.list();
    queues.retain(|queue| queue.entity == *entity);
    let queue = queues.remove(0);
    let holders = queue.holders.into_iter().map(|held| held.operation);
    (holders.collect(), queue.waiting)
}

fn has_all(held: &mut LockSet) -> bool {
    match &mut held.granted {
        None => true,
        Some(granted) => granted.try_recv().is_ok_and(|granted| granted.is_ok()),
    }
}

#[test]
fn who_touches_something_on_a_pool_shares_the_pool() {
    let dozer: PoolName = "dozer".parse().unwrap();
    let touches = BTreeSet::from([user("a"), user("b"), EntityRef::Host]);
    let on_dozer = EntityRef::User {
        pool: dozer.clone(),
        name: "a".parse().unwrap(),
    };
    let dozer = EntityRef::Pool { pool: dozer };
    let more = touches.iter().cloned().chain([on_dozer, dozer.clone()]);
    let shared = |claims: Claims| {
        let all: Vec<_> = claims.keys().cloned().collect();
        assert!(all.is_sorted(), "{all:?}");
        let shared = claims.into_iter();
        let shared = shared.filter(|(_, mode)| *mode == Mode::Shared);
        (
            all.len(),
            shared.map(|(entity, _)| entity).collect::<Vec<_>>(),
        )
    };
    assert_eq!(shared(claims(&touches)), (4, vec![whole()]));
    // A pool that is touched itself is not shared by what is touched on it.
    assert_eq!(shared(claims(&more.collect())), (6, vec![whole()]));
    assert_eq!(shared(claims(&BTreeSet::from([dozer]))), (1, vec![]));
}

#[test]
fn turns_come_in_the_order_of_arrival() {
    let locks = LockTable::new(8);
    let first = alone(&locks, 1).unwrap();
    let mut second = alone(&locks, 2).unwrap();
    let mut third = alone(&locks, 3).unwrap();
    assert_eq!(queue(&locks, &whole()), (vec![id(1)], vec![id(2), id(3)]));
    let waits_for = locks.waits_for(&id(2)).unwrap();
    assert_eq!(waits_for, format!("pool tank, held by {} for 0 s", id(1)));
    let waits_for = locks.waits_for(&id(3)).unwrap();
    assert!(
        waits_for.ends_with(&format!(", behind {}", id(2))),
        "{waits_for}"
    );
    drop(first);
    assert!(has_all(&mut second) && !has_all(&mut third));
    assert_eq!(locks.waits_for(&id(2)), None);
    drop(second);
    assert!(has_all(&mut third));
    drop(third);
    assert!(locks.list().is_empty(), "an idle entity has no queue");
}

#[test]
fn a_pool_is_shared_until_somebody_wants_it_alone() {
    let locks = LockTable::new(8);
    let first = on(&locks, "a", 1).unwrap();
    let second = on(&locks, "b", 2).unwrap();
    assert!(first.granted.is_none() && second.granted.is_none());
    let mut export = alone(&locks, 3).unwrap();
    let mut later = [4, 5].map(|number| on(&locks, &number.to_string(), number).unwrap());
    let holders = vec![id(1), id(2)];
    assert_eq!(
        queue(&locks, &whole()),
        (holders, vec![id(3), id(4), id(5)])
    );
    drop(first);
    assert!(!has_all(&mut export));
    drop(second);
    assert!(has_all(&mut export));
    assert!(!locks.list()[0].shared);
    assert!(!later.iter_mut().any(has_all), "not beside the export");
    drop(export);
    assert!(later.iter_mut().all(has_all));
    assert!(locks.list()[0].shared);
    drop(later);
    assert!(locks.list().is_empty());
}

#[test]
fn whoever_leaves_does_not_hold_up_the_others() {
    let locks = LockTable::new(8);
    let first = on(&locks, "a", 1).unwrap();
    let export = alone(&locks, 2).unwrap();
    let mut third = on(&locks, "a", 3).unwrap();
    let mut fourth = on(&locks, "b", 4).unwrap();
    drop(export);
    assert!(has_all(&mut fourth), "the pool is shared again");
    assert!(!has_all(&mut third));
    assert_eq!(queue(&locks, &user("a")), (vec![id(1)], vec![id(3)]));
    drop(first);
    assert!(has_all(&mut third));
    drop((third, fourth));
    assert!(locks.list().is_empty());
}

#[test]
fn a_full_queue_is_busy() {
    let locks = LockTable::new(2);
    let shared = [1, 2, 3, 4].map(|number| on(&locks, &number.to_string(), number).unwrap());
    let held = [5, 6].map(|number| on(&locks, "1", number).unwrap());
    let failure = on(&locks, "1", 7).unwrap_err();
    assert_eq!(failure.code, Code::Busy);
    assert_eq!(failure.object.as_deref(), Some("user tank:1"));
    assert_eq!(queue(&locks, &whole()).0.len(), 6, "7 gave back the pool");
    let exports = [7, 8].map(|number| alone(&locks, number).unwrap());
    let failure = on(&locks, "9", 9).unwrap_err();
    assert_eq!(failure.object.as_deref(), Some("pool tank"));
    let held_by = format!("held by {} for 0 s and 5 others", id(1));
    assert!(failure.message.ends_with(&held_by), "{failure}");
    drop((exports, held, shared));
    assert!(locks.list().is_empty());
}

/// Those let in behind an export are more than may wait for one user.
#[tokio::test]
async fn a_queue_that_is_full_on_the_way_is_busy_too() {
    let locks = LockTable::new(3);
    let export = alone(&locks, 1).unwrap();
    let held = [2, 3, 4].map(|number| on(&locks, "a", number).unwrap());
    drop(export);
    let more = [5].map(|number| on(&locks, "a", number).unwrap());
    let export = alone(&locks, 6).unwrap();
    let late = on(&locks, "a", 7).unwrap();
    drop(export);
    let failure = late.all(&Control::new(LONG)).await.unwrap_err();
    assert_eq!(failure.code, Code::Busy);
    assert_eq!(failure.object.as_deref(), Some("user tank:a"));
    drop((held, more));
    assert!(locks.list().is_empty());
}

/// An operation that has begun is not refused: it would leave things half done.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_waits_behind_a_full_queue() {
    let locks = LockTable::new(1);
    let on_a = |number| on(&locks, "a", number);
    let (held, waiting) = (on_a(1).unwrap(), on_a(2).unwrap());
    assert_eq!(on_a(3).unwrap_err().code, Code::Busy);
    let plan = Plan {
        steps: Vec::new(),
        touches: Vec::new(),
        journal: crate::fake::tank(),
        parallel: Vec::new(),
    };
    let steps = StepLocks::new(&locks, &claimant(4, Strength::Normal), &plan);
    let taking = tokio::task::spawn_blocking(move || steps.take(&user("a"), &Control::new(LONG)));
    let waits = || locks.waits_for(&id(4)).is_some() || taking.is_finished();
    crate::fake::until("the step to wait or to fail", waits).await;
    drop((held, waiting));
    let _taken = taking.await.unwrap().unwrap();
    assert_eq!(queue(&locks, &user("a")), (vec![id(4)], vec![]));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_deadline_and_names_the_holder() {
    let locks = LockTable::new(8);
    let _held = on(&locks, "b", 1).unwrap();
    let control = Control::new(Duration::from_secs(3));
    let both = locks
        .acquire(&set(&["a", "b"]), &claimant(2, Strength::Normal))
        .unwrap();
    let failure = both.all(&control).await.unwrap_err();
    assert_eq!(failure.code, Code::Deadline);
    let holder = format!("user tank:b, held by {}", id(1));
    assert!(failure.message.contains(&holder), "{failure}");
    assert_eq!(locks.list().len(), 2, "the turn with a was given back");
    assert_eq!(queue(&locks, &whole()).0, [id(1)]);
}

#[tokio::test]
async fn waiting_can_be_cancelled() {
    let locks = LockTable::new(8);
    let _held = on(&locks, "a", 1).unwrap();
    let control = Control::new(LONG);
    control.cancellation.cancel("cancelled");
    let failure = on(&locks, "a", 2).unwrap().all(&control).await;
    assert_eq!(failure.unwrap_err().code, Code::Cancelled);
    assert_eq!(queue(&locks, &user("a")).1, []);
}

#[test]
fn an_urgent_operation_passes_those_that_wait_and_cancels_a_holder_that_yields() {
    let locks = LockTable::new(1);
    let weak = claimant(1, Strength::Yielding);
    let holder = locks.acquire(&set(&["a"]), &weak).unwrap();
    let mut later = on(&locks, "a", 2).unwrap();
    let urgent = |number| {
        let claimant = claimant(number, Strength::Urgent);
        locks.acquire(&set(&["a"]), &claimant).unwrap()
    };
    // Although one waits already, which is the bound.
    let mut first = urgent(3);
    let mut second = urgent(4);
    let order = vec![id(3), id(4), id(2)];
    assert_eq!(queue(&locks, &user("a")), (vec![id(1)], order));
    let reason = weak.cancellation.reason();
    assert_eq!(reason, Some(format!("taken over by test {}", id(3))));
    drop(holder);
    assert!(has_all(&mut first) && !has_all(&mut second));
    drop(first);
    assert!(has_all(&mut second) && !has_all(&mut later));
    drop(second);
    assert!(has_all(&mut later));
}

#[test]
fn an_urgent_operation_does_not_cancel_one_that_does_not_yield() {
    let locks = LockTable::new(8);
    let strong = claimant(1, Strength::Normal);
    let holder = locks.acquire(&set(&["a"]), &strong).unwrap();
    let other = claimant(2, Strength::Urgent);
    let mut urgent = locks.acquire(&set(&["a"]), &other).unwrap();
    assert!(!strong.cancellation.is_cancelled() && !has_all(&mut urgent));
    drop(holder);
    assert!(has_all(&mut urgent));
}

#[tokio::test]
async fn only_urgent_operations_share_a_pool_that_is_open() {
    let locks = LockTable::new(8);
    let export = alone(&locks, 1).unwrap();
    let mut waiting = on(&locks, "a", 2).unwrap();
    let urgent = |name: &str, number| {
        let claimant = claimant(number, Strength::Urgent);
        locks.acquire(&set(&[name]), &claimant).unwrap()
    };
    let mut early = urgent("a", 3);
    assert!(!has_all(&mut early), "the pool is not open yet");
    locks.open(&[whole()]);
    let mut late = urgent("b", 4);
    assert!(has_all(&mut early) && has_all(&mut late));
    assert!(!has_all(&mut waiting));
    let entities = [whole()];
    let soon = Control::new(Duration::from_millis(1));
    let late_ones = locks.close(&entities, &soon).await.unwrap_err();
    assert_eq!(late_ones.code, Code::Deadline);
    let mut too_late = urgent("c", 5);
    assert!(!has_all(&mut too_late));
    drop((early, late));
    let later = Control::new(LONG);
    locks.close(&entities, &later).await.unwrap();
    assert_eq!(queue(&locks, &whole()).0, [id(1)]);
    drop(export);
    assert!(has_all(&mut too_late) && has_all(&mut waiting));
}
