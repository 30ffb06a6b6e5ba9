//! Cancelling, withdrawing, and urgent operations.

use crate::request::Strength;

use super::*;

fn strong(names: &[&str], strength: Strength, steps: Vec<Step>) -> OperationRequest {
    OperationRequest {
        strength,
        ..work(names, steps)
    }
}

async fn ended(engine: &Engine<Fake>, id: &OpId) -> Operation {
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert!(operation.state.is_final(), "{operation:?}");
    operation
}

fn state(engine: &Engine<Fake>, id: &OpId) -> OperationState {
    engine.get(id.as_str()).unwrap().state
}

#[tokio::test]
async fn an_urgent_operation_takes_over_a_yielding_one_and_passes_the_queue() {
    let mut machine = Machine::new();
    machine.limits.queue = 1;
    machine.limits.in_flight = 2;
    machine.host.wait_at(Some("create file tank:slow"));
    let engine = machine.start("");
    let submit = |strength, name| engine.submit(strong(&["a"], strength, vec![create(name)]));
    let slow = submit(Strength::Yielding, "slow").unwrap();
    machine.host.until_active(1).await;
    let queued = submit(Strength::Yielding, "later").unwrap();
    // Although neither a queue nor the number of operations has room.
    let kill = submit(Strength::Urgent, "kill").unwrap();
    let taken = ended(&engine, &slow).await;
    assert_eq!(taken.state, OperationState::Cancelled);
    let text = &failure(&taken).message;
    assert!(
        text.starts_with(&format!("taken over by test {kill} ")),
        "{text}"
    );
    assert_eq!(ended(&engine, &kill).await.state, OperationState::Finished);
    assert_eq!(
        ended(&engine, &queued).await.state,
        OperationState::Finished
    );
    let applied = machine.host.applied();
    assert_eq!(applied, ["create file tank:kill", "create file tank:later"]);
}

#[tokio::test]
async fn an_urgent_operation_needs_no_free_thread() {
    let mut machine = Machine::new();
    machine.limits.threads = 1;
    machine.host.gate(Some("tank:slow"));
    let engine = machine.start("");
    let submit = |user, strength, name| {
        let request = strong(&[user], strength, vec![create(name)]);
        engine.submit(request).unwrap()
    };
    let slow = submit("a", Strength::Normal, "slow");
    machine.host.until_active(1).await;
    let waiting = submit("b", Strength::Normal, "x");
    let waits = || engine.get(waiting.as_str()).unwrap().waits_for;
    until("it waits for a thread", || waits().is_some()).await;
    assert_eq!(waits().unwrap(), "a thread: too many operations run");
    let kill = submit("b", Strength::Urgent, "kill");
    // It waits for the lock of b, whose holder waits for a thread.
    assert_eq!(state(&engine, &kill), OperationState::Queued);
    let other = submit("c", Strength::Urgent, "other");
    assert_eq!(ended(&engine, &other).await.state, OperationState::Finished);
    machine.host.gate(None);
    for id in [slow, waiting, kill] {
        assert_eq!(ended(&engine, &id).await.state, OperationState::Finished);
    }
}

#[tokio::test]
async fn two_that_cancel_and_two_that_kill_the_same_operation_agree() {
    let machine = Machine::new();
    machine.host.wait_at(Some("create file tank:slow"));
    let engine = machine.start("");
    let submit = |strength, name| {
        let request = strong(&["a"], strength, vec![create(name)]);
        engine.submit(request).unwrap()
    };
    let slow = submit(Strength::Yielding, "slow");
    machine.host.until_active(1).await;
    let kills = [
        submit(Strength::Urgent, "k1"),
        submit(Strength::Urgent, "k2"),
    ];
    for _ in 0..2 {
        engine.cancel(slow.as_str()).unwrap();
    }
    let taken = ended(&engine, &slow).await;
    assert_eq!(taken.state, OperationState::Cancelled);
    assert!(failure(&taken).message.starts_with("taken over by test"));
    for kill in kills {
        assert_eq!(ended(&engine, &kill).await.state, OperationState::Finished);
    }
    let again = engine.cancel(slow.as_str()).unwrap();
    assert_eq!(
        (again.state, again.cancelling),
        (OperationState::Cancelled, None)
    );
}

#[tokio::test]
async fn cancelling_says_what_happens() {
    let machine = Machine::new();
    machine.host.wait_at(Some("create file tank:y"));
    let engine = machine.start("");
    let steps = vec![create("x"), create("y")];
    let running = engine.submit(work(&["a"], steps)).unwrap();
    machine.host.until_applied("tank:x").await;
    machine.host.until_active(1).await;
    let queued = engine.submit(work(&["a"], vec![create("z")])).unwrap();
    let cancelled = engine.cancel(queued.as_str()).unwrap();
    let text = cancelled.cancelling.unwrap();
    assert_eq!(text, "it had not begun and is withdrawn");
    let cancelled = engine.cancel(running.as_str()).unwrap();
    let text = cancelled.cancelling.unwrap();
    let wanted = "step 2 of 2, create file tank:y, is interrupted; then what was done before is \
                  taken back";
    assert_eq!(text, wanted);
    for id in [running, queued] {
        let operation = ended(&engine, &id).await;
        assert_eq!(operation.state, OperationState::Cancelled);
        assert_eq!(operation.cancelling, None);
    }
    assert!(machine.host.world().files.is_empty());
}

#[tokio::test]
async fn only_what_has_not_begun_is_withdrawn() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let running = engine.submit(work(&["a"], vec![create("x")])).unwrap();
    let queued = engine.submit(work(&["a"], vec![create("y")])).unwrap();
    machine.host.until_active(1).await;
    engine.begun(running.as_str()).await.unwrap();
    for id in [&running, &queued] {
        let reason = "its client hung up: cancelled";
        engine.withdraw(id.as_str(), reason).unwrap();
    }
    let withdrawn = ended(&engine, &queued).await;
    assert_eq!(withdrawn.state, OperationState::Cancelled);
    let text = &failure(&withdrawn).message;
    let wanted = "its client hung up: cancelled before its turn came with user tank:a";
    assert!(text.starts_with(wanted), "{text}");
    assert_eq!(state(&engine, &running), OperationState::Running);
    machine.host.gate(None);
    assert_eq!(
        ended(&engine, &running).await.state,
        OperationState::Finished
    );
}

#[tokio::test(start_paused = true)]
async fn only_some_of_a_kind_run_at_a_time_but_a_long_one_does_not_count() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:"));
    let engine = machine.start("");
    let slot = crate::Slot {
        name: "stops on pool tank".to_owned(),
        width: 2,
    };
    let submit = |user: &str, slot: Option<&crate::Slot>| {
        let request = work(&[user], vec![create(user)]);
        let slot = slot.cloned();
        engine.submit(OperationRequest { slot, ..request }).unwrap()
    };
    let [a, b, c] = ["a", "b", "c"].map(|user| submit(user, Some(&slot)));
    let waits = || engine.get(c.as_str()).unwrap().waits_for;
    until("it waits for a slot", || {
        waits().as_deref() == Some("one of 2 stops on pool tank")
    })
    .await;
    // Operations without a limit can run. (Awaiting would let the paused clock run.)
    let free = submit("d", None);
    let is_queued = |id: &OpId| state(&engine, id) == OperationState::Queued;
    until("the free one runs", || !is_queued(&free)).await;
    assert!(is_queued(&c));
    tokio::time::advance(machine.limits.busy).await;
    until("the third one runs", || !is_queued(&c)).await;
    machine.host.gate(None);
    for id in [a, b, c, free] {
        until("an end", || state(&engine, &id) == OperationState::Finished).await;
    }
}

/// The deletion of an ephemeral container after its stop is what a kill wants, too.
#[tokio::test]
async fn what_comes_after_the_last_step_about_a_guest_is_not_taken_over() {
    let machine = Machine::new();
    machine
        .host
        .change(|world| assert!(world.running.insert("a".into())));
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let steps = vec![container("a", Presence::Absent), create("x"), create("y")];
    let stop = engine
        .submit(strong(&["a"], Strength::Yielding, steps))
        .unwrap();
    machine.host.until_applied("stop").await;
    machine.host.until_active(1).await;
    let kill = engine
        .submit(strong(&["a"], Strength::Urgent, vec![create("k")]))
        .unwrap();
    machine.host.gate(None);
    assert_eq!(ended(&engine, &stop).await.state, OperationState::Finished);
    assert_eq!(ended(&engine, &kill).await.state, OperationState::Finished);
}

/// Those that wait for the container, and those that still wait for its pool.
#[tokio::test]
async fn a_kill_withdraws_the_starts_that_wait_before_it() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:held"));
    let engine = machine.start("");
    let submit = |user: &str, strength, name| {
        let request = strong(&[user], strength, vec![create(name)]);
        engine.submit(request).unwrap()
    };
    let export = work_on(vec![whole()], vec![create("held")]);
    let export = engine.submit(export).unwrap();
    machine.host.until_active(1).await;
    let start = submit("a", Strength::Starting, "started");
    let set = submit("a", Strength::Yielding, "set");
    let other = submit("b", Strength::Starting, "other");
    let kill = submit("a", Strength::Urgent, "kill");
    let wanted = submit("a", Strength::Starting, "wanted afterwards");
    let withdrawn = ended(&engine, &start).await;
    assert_eq!(withdrawn.state, OperationState::Cancelled);
    let text = &failure(&withdrawn).message;
    let reason = format!("withdrawn by test {kill} before its turn came");
    assert!(text.starts_with(&reason), "{text}");
    machine.host.gate(None);
    for id in [export, set, other, kill, wanted] {
        assert_eq!(ended(&engine, &id).await.state, OperationState::Finished);
    }
}
