use std::time::Duration;

use os_types::PoolName;

use super::*;
use crate::fake::{user, whole};

const LONG: Duration = Duration::from_mins(1);

fn id(number: u16) -> OpId {
    OpId::new(jiff::Timestamp::UNIX_EPOCH, number)
}

fn set(names: &[&str]) -> BTreeSet<EntityRef> {
    names.iter().map(|name| user(name)).collect()
}

/// One turn that is shared with nobody.
fn alone(owners: &Owners, number: u16) -> Result<Turns, Failure> {
    owners.line_up(&BTreeSet::from([whole()]), &id(number))
}

fn on(owners: &Owners, name: &str, number: u16) -> Result<Turns, Failure> {
    owners.line_up(&set(&[name]), &id(number))
}

/// Who holds an entity, and who waits for it.
fn queue(owners: &Owners, entity: &EntityRef) -> (Vec<OpId>, Vec<OpId>) {
    let mut queues = owners.list();
    queues.retain(|queue| queue.entity == *entity);
    let queue = queues.remove(0);
    let holders = queue.holders.into_iter().map(|held| held.operation);
    (holders.collect(), queue.waiting)
}

fn has_all(turns: &mut Turns) -> bool {
    match &mut turns.granted {
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
    let shared = |claims: queue::Claims| {
        let all: Vec<_> = claims.keys().cloned().collect();
        assert!(all.is_sorted(), "{all:?}");
        let shared = claims.into_iter();
        let shared = shared.filter(|(_, mode)| *mode == queue::Mode::Shared);
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
    let owners = Owners::new(8);
    let first = alone(&owners, 1).unwrap();
    let mut second = alone(&owners, 2).unwrap();
    let mut third = alone(&owners, 3).unwrap();
    assert_eq!(queue(&owners, &whole()), (vec![id(1)], vec![id(2), id(3)]));
    let waits_for = owners.waits_for(&id(2)).unwrap();
    assert_eq!(waits_for, format!("pool tank, held by {} since 0 s", id(1)));
    let waits_for = owners.waits_for(&id(3)).unwrap();
    assert!(
        waits_for.ends_with(&format!(", behind {}", id(2))),
        "{waits_for}"
    );
    drop(first);
    assert!(has_all(&mut second) && !has_all(&mut third));
    assert_eq!(owners.waits_for(&id(2)), None);
    drop(second);
    assert!(has_all(&mut third));
    drop(third);
    assert!(owners.list().is_empty(), "an idle entity has no queue");
}

#[test]
fn a_pool_is_shared_until_somebody_wants_it_alone() {
    let owners = Owners::new(8);
    let first = on(&owners, "a", 1).unwrap();
    let second = on(&owners, "b", 2).unwrap();
    assert!(first.granted.is_none() && second.granted.is_none());
    let mut export = alone(&owners, 3).unwrap();
    let mut later = [4, 5].map(|number| on(&owners, &number.to_string(), number).unwrap());
    let holders = vec![id(1), id(2)];
    assert_eq!(
        queue(&owners, &whole()),
        (holders, vec![id(3), id(4), id(5)])
    );
    drop(first);
    assert!(!has_all(&mut export));
    drop(second);
    assert!(has_all(&mut export));
    assert!(!owners.list()[0].shared);
    assert!(!later.iter_mut().any(has_all), "not beside the export");
    drop(export);
    assert!(later.iter_mut().all(has_all));
    assert!(owners.list()[0].shared);
    drop(later);
    assert!(owners.list().is_empty());
}

#[test]
fn whoever_leaves_does_not_hold_up_the_others() {
    let owners = Owners::new(8);
    let first = on(&owners, "a", 1).unwrap();
    let export = alone(&owners, 2).unwrap();
    let mut third = on(&owners, "a", 3).unwrap();
    let mut fourth = on(&owners, "b", 4).unwrap();
    drop(export);
    assert!(has_all(&mut fourth), "the pool is shared again");
    assert!(!has_all(&mut third));
    assert_eq!(queue(&owners, &user("a")), (vec![id(1)], vec![id(3)]));
    drop(first);
    assert!(has_all(&mut third));
    drop((third, fourth));
    assert!(owners.list().is_empty());
}

#[test]
fn a_full_queue_is_busy() {
    let owners = Owners::new(2);
    let shared = [1, 2, 3, 4].map(|number| on(&owners, &number.to_string(), number).unwrap());
    let turns = [5, 6].map(|number| on(&owners, "1", number).unwrap());
    let failure = on(&owners, "1", 7).unwrap_err();
    assert_eq!(failure.code, Code::Busy);
    assert_eq!(failure.object.as_deref(), Some("user tank:1"));
    assert_eq!(queue(&owners, &whole()).0.len(), 6, "7 gave back the pool");
    let exports = [7, 8].map(|number| alone(&owners, number).unwrap());
    let failure = on(&owners, "9", 9).unwrap_err();
    assert_eq!(failure.object.as_deref(), Some("pool tank"));
    let held_by = format!("held by {} since 0 s and 5 others", id(1));
    assert!(failure.message.ends_with(&held_by), "{failure}");
    drop((exports, turns, shared));
    assert!(owners.list().is_empty());
}

/// Those let in behind an export are more than may wait for one user.
#[tokio::test]
async fn a_queue_that_is_full_on_the_way_is_busy_too() {
    let owners = Owners::new(3);
    let export = alone(&owners, 1).unwrap();
    let turns = [2, 3, 4].map(|number| on(&owners, "a", number).unwrap());
    drop(export);
    let more = [5].map(|number| on(&owners, "a", number).unwrap());
    let export = alone(&owners, 6).unwrap();
    let late = on(&owners, "a", 7).unwrap();
    drop(export);
    let failure = late.all(&Control::new(LONG)).await.unwrap_err();
    assert_eq!(failure.code, Code::Busy);
    assert_eq!(failure.object.as_deref(), Some("user tank:a"));
    drop((turns, more));
    assert!(owners.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_deadline_and_names_the_holder() {
    let owners = Owners::new(8);
    let _held = on(&owners, "b", 1).unwrap();
    let control = Control::new(Duration::from_secs(3));
    let both = owners.line_up(&set(&["a", "b"]), &id(2)).unwrap();
    let failure = both.all(&control).await.unwrap_err();
    assert_eq!(failure.code, Code::Deadline);
    let holder = format!("user tank:b, held by {}", id(1));
    assert!(failure.message.contains(&holder), "{failure}");
    assert_eq!(owners.list().len(), 2, "the turn with a was given back");
    assert_eq!(queue(&owners, &whole()).0, [id(1)]);
}

#[tokio::test]
async fn waiting_can_be_cancelled() {
    let owners = Owners::new(8);
    let _held = on(&owners, "a", 1).unwrap();
    let control = Control::new(LONG);
    control.cancel();
    let failure = on(&owners, "a", 2).unwrap().all(&control).await;
    assert_eq!(failure.unwrap_err().code, Code::Cancelled);
    assert_eq!(queue(&owners, &user("a")).1, []);
}
