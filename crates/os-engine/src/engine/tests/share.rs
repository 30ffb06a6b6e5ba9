//! What is on one pool is changed side by side, but never beside the pool itself.

use os_types::EntityRef;

use super::*;

fn state(engine: &Engine<Fake>, id: &OpId) -> OperationState {
    engine.get(id.as_str()).unwrap().state
}

fn waits_for(engine: &Engine<Fake>, id: &OpId) -> String {
    engine.get(id.as_str()).unwrap().waits_for.unwrap()
}

async fn finish(engine: &Engine<Fake>, ids: &[OpId]) {
    for id in ids {
        let operation = engine.wait(id.as_str(), LONG).await.unwrap();
        assert_eq!(operation.state, OperationState::Finished, "{operation:?}");
    }
}

#[tokio::test]
async fn an_export_waits_for_what_runs_and_later_ones_for_the_export() {
    let machine = Machine::new();
    machine.host.gate(Some("tank"));
    let engine = machine.start("");
    let submit = |work| engine.submit(work).unwrap();
    let a = submit(work(&["a"], vec![create("x1")]));
    let b = submit(work(&["b"], vec![create("x2")]));
    machine.host.until_active(2).await;

    let export = submit(work_on(vec![EntityRef::Host, whole()], vec![create("y")]));
    let later = submit(work(&["c"], vec![create("z")]));
    let queue = engine.holders();
    let pool = queue.iter().find(|queue| queue.entity == whole()).unwrap();
    let holders: Vec<_> = pool.holders.iter().map(|held| &held.operation).collect();
    assert_eq!((holders, pool.shared), (vec![&a, &b], true));
    assert_eq!(pool.waiting, [export.clone(), later.clone()]);
    let text = waits_for(&engine, &export);
    assert!(
        text.starts_with(&format!("pool tank, held by {a} for ")),
        "{text}"
    );
    assert!(text.ends_with(" s and another"), "{text}");
    let text = waits_for(&engine, &later);
    assert!(text.ends_with(&format!(", behind {export}")), "{text}");
    let elsewhere = EntityRef::User {
        pool: "dozer".parse().unwrap(),
        name: "c".parse().unwrap(),
    };
    let elsewhere = submit(work_on(vec![elsewhere], Vec::new()));
    finish(&engine, &[elsewhere]).await;

    // One of the two ends: not enough.
    machine.host.gate(Some("tank:x2"));
    finish(&engine, &[a]).await;
    assert_eq!(state(&engine, &export), OperationState::Queued);
    machine.host.gate(Some("tank:y"));
    finish(&engine, &[b]).await;
    machine.host.until_active(1).await;
    assert_eq!(state(&engine, &export), OperationState::Running);
    assert_eq!(state(&engine, &later), OperationState::Queued);
    machine.host.gate(None);
    finish(&engine, &[export, later]).await;
    let applied = machine.host.applied();
    assert!(
        applied[2].ends_with('y') && applied[3].ends_with('z'),
        "{applied:?}"
    );
}

#[tokio::test]
async fn cancelled_while_it_waits_to_share() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let submit = |work| engine.submit(work).unwrap();
    let export = submit(work_on(vec![whole()], vec![create("x")]));
    let cancelled = submit(work(&["a"], vec![create("y")]));
    let kept = submit(work(&["a"], vec![create("z")]));
    engine.cancel(cancelled.as_str()).unwrap();
    let operation = engine.wait(cancelled.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Cancelled);
    let text = &failure(&operation).message;
    assert!(
        text.starts_with("cancelled before its turn came with pool tank"),
        "{text}"
    );
    assert_eq!(state(&engine, &kept), OperationState::Queued);
    machine.host.gate(None);
    finish(&engine, &[export, kept]).await;
}

#[tokio::test]
async fn a_cancelled_export_holds_nobody_up() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let submit = |work| engine.submit(work).unwrap();
    let slow = submit(work(&["a"], vec![create("x")]));
    let export = submit(work_on(vec![whole()], vec![create("y")]));
    let behind = submit(work(&["b"], vec![create("z")]));
    engine.cancel(export.as_str()).unwrap();
    finish(&engine, &[behind]).await;
    machine.host.gate(None);
    finish(&engine, &[slow]).await;
}

/// Those that wait to share a pool get their locks all at once; what is on the pool still comes to
/// them in the order in which they came.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn submissions_stay_in_order_behind_an_export() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:export"));
    let engine = machine.start("");
    let submit = |work| engine.submit(work).unwrap();
    let mut ids = vec![submit(work_on(vec![whole()], vec![create("export")]))];
    let names: Vec<_> = (10..60).map(|number| format!("file{number}")).collect();
    for name in &names {
        ids.push(submit(work(&["a"], vec![create(name)])));
    }
    machine.host.gate(None);
    finish(&engine, &ids).await;
    let applied = machine.host.applied();
    assert!(applied[1..].is_sorted(), "{applied:?}");
}
