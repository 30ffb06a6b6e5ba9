//! Many operations at once.

use os_types::EntityRef;

use super::*;

#[tokio::test]
async fn one_entity_is_serial_and_others_run_beside_it() {
    let machine = Machine::new();
    machine.host.gate(Some("tank"));
    let engine = machine.start("");
    let submit = |entity: &str, name: &str| {
        let work = work(&[entity], vec![create(name)]);
        engine.submit(work).unwrap()
    };
    let ids = [submit("a", "x1"), submit("a", "x2"), submit("b", "y")];
    // x1 and y at once, which x2 could not be.
    machine.host.until_active(2).await;
    let running = |id: &OpId| engine.get(id.as_str()).unwrap().state;
    assert_eq!(running(&ids[1]), OperationState::Queued);
    machine.host.gate(None);
    for id in &ids {
        engine.wait(id.as_str(), LONG).await.unwrap();
    }
    let applied = machine.host.applied();
    let place = |name: &str| applied.iter().position(|step| step.ends_with(name));
    assert!(place("x1") < place("x2"), "{applied:?}");
    assert!(machine.host.most_active() >= 2);
}

/// Each operation touches a few of a few users in any order, some the pool itself; the fake host panics if two change
/// the same object at once, and a deadlock would end at the deadline of the waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_operations_on_the_same_few_entities_end() {
    let mut machine = Machine::new();
    machine.limits.queue = 1000;
    let engine = machine.start("");
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut seed = 1u64;
    let mut random = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % bound
    };
    let mut ids = Vec::new();
    for number in 0..1000 {
        let mut touched: Vec<&str> = (0..=random(3)).map(|_| names[random(8)]).collect();
        touched.sort_by_key(|_| random(1000));
        touched.dedup();
        let toggle = |name: &&str| account(name, [Presence::Present, Presence::Absent][number % 2]);
        let steps: Vec<Step> = touched.iter().map(toggle).collect();
        let mut work = work(&touched, steps.clone());
        match random(20) {
            // The turn with the pool alone keeps everybody from its users.
            0 => work = work_on(vec![whole()], steps),
            1 => work.touches.push(whole()),
            2 => work.touches.insert(0, EntityRef::Host),
            _ => {}
        }
        if number % 3 == 0 {
            // Learns only from its plan what it touches.
            work.touches.truncate(1);
        }
        ids.push(engine.submit(work).unwrap());
        if random(10) == 0 {
            engine.cancel(ids[random(ids.len())].as_str()).unwrap();
        }
    }
    for id in &ids {
        let operation = engine.wait(id.as_str(), LONG).await.unwrap();
        assert!(operation.state.is_final(), "{operation:?}");
        let failed = operation.state == OperationState::Failed;
        assert!(!failed, "{operation:?}");
    }
    // The last turn is given back right behind the last end.
    until("idle entities", || engine.holders().is_empty()).await;
    assert!(machine.open_journals().is_empty());
}

#[tokio::test]
async fn bounds_are_told_at_once() {
    let mut machine = Machine::new();
    machine.limits.queue = 2;
    machine.limits.in_flight = 4;
    machine.limits.ended = 3;
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let mut ids = Vec::new();
    for name in ["x", "y1", "y2"] {
        ids.push(engine.submit(work(&["a"], vec![create(name)])).unwrap());
    }
    let full = engine.submit(work(&["a"], Vec::new())).unwrap_err();
    assert_eq!(full.code, Code::Busy);
    assert!(full.message.contains("user tank:a"), "{full}");
    assert_eq!(engine.list().len(), 3, "what was refused is not listed");
    ids.push(engine.submit(work(&["b"], vec![create("x1")])).unwrap());
    let many = engine.submit(work(&["c"], Vec::new())).unwrap_err();
    assert!(many.message.contains("4 operations"), "{many}");
    machine.host.gate(None);
    for id in &ids {
        // One that ended may be forgotten already.
        drop(engine.wait(id.as_str(), LONG).await);
    }
    assert_eq!(engine.list().len(), 3);
}
