use std::time::Duration;

use super::*;
use crate::fake::user;

fn id(number: u16) -> OpId {
    OpId::new(Timestamp::UNIX_EPOCH, number)
}

fn set(names: &[&str]) -> BTreeSet<EntityRef> {
    names.iter().map(|name| user(name)).collect()
}

#[tokio::test]
async fn turns_come_in_the_order_of_arrival() {
    let owners = Owners::new(8);
    let first = owners.line_up(&user("a"), &id(1)).unwrap();
    let mut second = owners.line_up(&user("a"), &id(2)).unwrap();
    let mut third = owners.line_up(&user("a"), &id(3)).unwrap();
    let queue = owners.list().remove(0);
    assert_eq!((queue.holder, queue.waiting), (id(1), vec![id(2), id(3)]));
    assert!(
        owners
            .waits_for(&id(3))
            .unwrap()
            .contains("user tank:a, held by")
    );
    drop(first);
    second.granted().await;
    assert_eq!(owners.waits_for(&id(2)), None);
    drop(second);
    third.granted().await;
    drop(third);
    assert!(owners.list().is_empty(), "an idle entity has no queue");
}

#[test]
fn whoever_leaves_does_not_hold_up_the_others() {
    let owners = Owners::new(8);
    let first = owners.line_up(&user("a"), &id(1)).unwrap();
    let second = owners.line_up(&user("a"), &id(2)).unwrap();
    let third = owners.line_up(&user("a"), &id(3)).unwrap();
    drop(second);
    drop(first);
    assert_eq!(owners.list().remove(0).holder, id(3));
    drop(third);
    assert!(owners.list().is_empty());
}

#[test]
fn a_full_queue_is_busy() {
    let owners = Owners::new(2);
    let _turns = [1, 2, 3].map(|number| owners.line_up(&user("a"), &id(number)).unwrap());
    let failure = owners.line_up(&user("a"), &id(4)).unwrap_err();
    assert_eq!(failure.code, Code::Busy);
    assert_eq!(failure.object.as_deref(), Some("user tank:a"));
    drop(owners.line_up(&user("b"), &id(4)).unwrap());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_deadline_and_names_the_holder() {
    let owners = Owners::new(8);
    let _held = owners.line_up(&user("b"), &id(1)).unwrap();
    let control = Control::new(Duration::from_secs(3));
    let both = set(&["a", "b"]);
    let failure = owners.all(&both, &id(2), None, &control).await.unwrap_err();
    assert_eq!(failure.code, Code::Deadline);
    let holder = format!("user tank:b, held by {}", id(1));
    assert!(failure.message.contains(&holder), "{failure}");
    assert_eq!(owners.list().len(), 1, "the turn with a was given back");
}

#[tokio::test]
async fn waiting_can_be_cancelled() {
    let owners = Owners::new(8);
    let _held = owners.line_up(&user("a"), &id(1)).unwrap();
    let control = Control::new(Duration::from_mins(1));
    control.cancel();
    let failure = owners.all(&set(&["a"]), &id(2), None, &control).await;
    assert_eq!(failure.unwrap_err().code, Code::Cancelled);
}
