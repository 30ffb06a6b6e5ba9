//! Whole operations on a world in memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use os_api::{EventBody, StepState};
use os_types::{Code, Presence, Step};

use super::*;
use crate::fake::{
    Fake, LONG, Machine, account, container, create, destroy, file, tank, until, user, whole, work,
    work_on,
};
use crate::journal::Record;
use StepState::{Pending, Reverted, Unchanged};

mod crash;
mod load;
mod parallel;
mod property;
mod share;
mod undo;
mod urgent;

/// Runs work to its end.
async fn run(engine: &Engine<Fake>, work: OperationRequest) -> Operation {
    let id = engine.submit(work).unwrap();
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert!(operation.state.is_final(), "{operation:?}");
    operation
}

fn records(engine: &Engine<Fake>) -> Vec<Record> {
    let history = engine.history(&tank(), 100).unwrap();
    assert!(history.damaged.is_empty(), "{:?}", history.damaged);
    history.records
}

fn failure(operation: &Operation) -> &Failure {
    operation.failure.as_ref().unwrap()
}

fn states(operation: &Operation) -> Vec<StepState> {
    operation.steps.iter().map(|step| step.state).collect()
}

#[tokio::test]
async fn all_steps_and_then_finished() {
    let machine = Machine::new();
    let engine = machine.start("");
    let mut events = engine.events().subscribe(None);
    let operation = run(&engine, work(&["a"], vec![create("x"), create("y")])).await;
    assert_eq!(operation.state, OperationState::Finished);
    assert_eq!(states(&operation), [StepState::Done, StepState::Done]);
    assert_eq!(machine.host.applied().len(), 2);
    let record = records(&engine).remove(0);
    assert_eq!(record.header.id, operation.id);
    assert_eq!(record.ending.state, OperationState::Finished);
    assert!(record.view().undoable);
    assert!(machine.open_journals().is_empty());
    let mut seen = Vec::new();
    while let Some(event) = events.try_next() {
        seen.push(match event.body {
            EventBody::Operation { state, .. } => format!("{state:?}"),
            EventBody::Progress { done, total, .. } => format!("{done}/{total}"),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["Queued", "Running", "0/2", "1/2", "Finished"]);
}

#[tokio::test]
async fn a_failing_step_takes_back_what_was_done_and_no_more() {
    let machine = Machine::new();
    machine
        .host
        .change(|world| drop(world.files.insert("old".into(), "old".into())));
    let before = machine.host.world();
    machine.host.break_at(Some("broken"));
    let engine = machine.start("");
    let steps = vec![create("old"), create("x"), create("broken"), create("y")];
    let operation = run(&engine, work(&["a"], steps)).await;
    assert_eq!(operation.state, OperationState::Reverted);
    let failure = failure(&operation);
    assert_eq!(failure.code, Code::Step);
    assert!(failure.message.contains("tank:broken"), "{failure}");
    assert_eq!(machine.host.world(), before);
    assert_eq!(
        states(&operation),
        [Unchanged, Reverted, Reverted, Pending],
        "what was there before stays"
    );
    let record = records(&engine).remove(0);
    assert_eq!(record.ending.state, OperationState::Reverted);
    assert!(!record.view().undoable);
}

#[tokio::test]
async fn a_conflict_is_found_before_anything_is_touched() {
    let machine = Machine::new();
    machine
        .host
        .change(|world| drop(world.files.insert("x".into(), "theirs".into())));
    let engine = machine.start("");
    let operation = run(&engine, work(&["a"], vec![create("y"), create("x")])).await;
    assert_eq!(operation.state, OperationState::Reverted);
    assert_eq!(failure(&operation).code, Code::Conflict);
    assert_eq!(machine.host.world().files.len(), 1);
}

#[tokio::test]
async fn a_panic_in_a_step_is_a_failure_of_that_step() {
    let machine = Machine::new();
    machine.host.panic_at("tank:y");
    let engine = machine.start("");
    let operation = run(&engine, work(&["a"], vec![create("x"), create("y")])).await;
    // the rollback panics too, so x stays, and this is said.
    assert_eq!(operation.state, OperationState::Failed);
    assert_eq!(failure(&operation).code, Code::Internal);
    assert_eq!(records(&engine).remove(0).ending.left, [1, 2]);
}

#[tokio::test]
async fn a_way_back_that_is_stuck_says_what_is_left() {
    let machine = Machine::new();
    let engine = machine.start("test:3:before:fail,test:revert-2:before:fail");
    let steps = vec![create("x"), create("y"), create("z")];
    let operation = run(&engine, work(&["a"], steps)).await;
    assert_eq!(operation.state, OperationState::Failed);
    let text = &failure(&operation).message;
    assert!(
        text.contains("step 2, create file tank:y, could not be taken back"),
        "{text}"
    );
    assert!(text.ends_with("still in effect: step 1, 2"), "{text}");
    assert_eq!(machine.host.world().files.len(), 2);
    assert_eq!(records(&engine).remove(0).ending.left, [1, 2]);
    assert!(machine.open_journals().is_empty(), "it is closed");
}

/// On the disk they are still there: they would come back when the daemon starts again.
#[tokio::test]
async fn a_way_back_that_is_stuck_still_puts_deferred_removals_back() {
    let machine = Machine::new();
    machine.host.change(|world| {
        world.files.insert("old".into(), "old".into());
        world.datasets.insert("tank/a".into());
    });
    machine.host.defer_removals();
    machine.host.break_at(Some("broken"));
    let engine = machine.start("");
    let remove = || file("old", Some("old"), None);
    let steps = vec![create("x"), remove(), destroy("tank/a"), create("broken")];
    let operation = run(&engine, work(&["a"], steps)).await;
    assert_eq!(operation.state, OperationState::Failed);
    let text = &failure(&operation).message;
    assert!(text.ends_with("still in effect: step 1, 3"), "{text}");
    assert_eq!(states(&operation)[1], Reverted);
    assert_eq!(records(&engine).remove(0).ending.left, [1, 3]);
    assert!(machine.host.out_of_use().is_empty());
    assert_eq!(machine.host.world().files["old"], "old");

    let operation = run(&engine, work(&["a"], vec![remove()])).await;
    assert_eq!(operation.state, OperationState::Finished);
    assert!(!machine.host.world().files.contains_key("old"));
}

#[tokio::test]
async fn a_panic_at_the_end_of_the_plan_takes_it_back() {
    let machine = Machine::new();
    machine.host.panic_at("complete");
    let engine = machine.start("");
    let operation = run(&engine, work(&["a"], vec![create("x")])).await;
    assert_eq!(operation.state, OperationState::Reverted);
    assert_eq!(failure(&operation).code, Code::Internal);
    assert!(machine.host.world().files.is_empty());
    assert!(machine.open_journals().is_empty());
}

/// The host is in the initial state when a step is checked, and at neither end when it is applied.
#[tokio::test]
async fn a_conflict_that_is_met_late_leaves_the_object_alone() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let id = engine.submit(work(&["a"], vec![create("x")])).unwrap();
    machine.host.until_active(1).await;
    machine
        .host
        .change(|world| drop(world.files.insert("x".into(), "theirs".into())));
    machine.host.gate(None);
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Reverted);
    assert_eq!(failure(&operation).code, Code::Conflict);
    assert_eq!(machine.host.world().files["x"], "theirs");
}

#[tokio::test]
async fn nothing_goes_back_past_destruction() {
    let machine = Machine::new();
    machine
        .host
        .change(|world| assert!(world.datasets.insert("tank/a".into())));
    machine.host.break_at(Some("broken"));
    let engine = machine.start("");
    let steps = |last| vec![create("x"), destroy("tank/a"), create("y"), last];
    let operation = run(&engine, work(&["a"], steps(create("broken")))).await;
    assert_eq!(operation.state, OperationState::Failed);
    let text = &failure(&operation).message;
    assert!(text.contains("destroy dataset tank/a"), "{text}");
    let files: Vec<_> = machine.host.world().files.into_keys().collect();
    assert_eq!(files, ["x"], "what came after it is taken back");
}

#[tokio::test]
async fn destruction_that_failed_does_not_stop_the_way_back() {
    let machine = Machine::new();
    machine
        .host
        .change(|world| assert!(world.datasets.insert("tank/a".into())));
    let before = machine.host.world();
    machine.host.break_at(Some("destroy"));
    let engine = machine.start("");
    let operation = run(&engine, work(&["a"], vec![create("x"), destroy("tank/a")])).await;
    assert_eq!(operation.state, OperationState::Reverted);
    assert_eq!(machine.host.world(), before);
}

#[tokio::test]
async fn a_command_that_is_refused_leaves_no_trace() {
    let machine = Machine::new();
    let engine = machine.start("");
    let mut refused = work(&["a"], Vec::new());
    refused.planner = Arc::new(|| Err(Failure::new(Code::Exists, "it is there")));
    let operation = run(&engine, refused).await;
    assert_eq!(operation.state, OperationState::Failed);
    assert_eq!(failure(&operation).code, Code::Exists);
    let nothing = run(&engine, work(&["a"], Vec::new())).await;
    assert_eq!(nothing.state, OperationState::Finished);
    assert!(records(&engine).is_empty());
}

#[tokio::test]
async fn a_place_that_is_not_open_is_named() {
    let machine = Machine::new();
    let engine = machine.start("");
    let mut elsewhere = work(&["a"], vec![create("x")]);
    let journal = JournalPlace::Pool {
        pool: "closed".parse().unwrap(),
    };
    let plan = (elsewhere.planner)().unwrap().plan;
    let plan = Plan { journal, ..plan };
    elsewhere.planner = Arc::new(move || Ok(plan.clone().into()));
    let operation = run(&engine, elsewhere).await;
    assert_eq!(operation.state, OperationState::Failed);
    assert_eq!(
        failure(&operation).message,
        "the journal of pool closed is not open"
    );
    assert!(machine.host.applied().is_empty());
}

#[tokio::test]
async fn cancelled_while_it_runs() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:y"));
    let engine = machine.start("");
    let steps = vec![create("x"), create("y"), create("z")];
    let id = engine.submit(work(&["a"], steps)).unwrap();
    until("x", || !machine.host.applied().is_empty()).await;
    engine.cancel(id.as_str()).unwrap();
    machine.host.gate(None);
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Cancelled);
    assert_eq!(failure(&operation).code, Code::Cancelled);
    assert!(machine.host.world().files.is_empty());
    let again = engine.cancel(id.as_str()).unwrap();
    assert_eq!(again.state, OperationState::Cancelled);
}

#[tokio::test]
async fn cancelled_while_it_waits() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let first = engine.submit(work(&["a"], vec![create("x")])).unwrap();
    let second = engine.submit(work(&["a"], vec![create("y")])).unwrap();
    machine.host.until_active(1).await;
    let waiting = engine.get(second.as_str()).unwrap();
    let waits_for = waiting.waits_for.unwrap();
    assert!(waits_for.contains(first.as_str()), "{waits_for}");
    engine.cancel(second.as_str()).unwrap();
    let operation = engine.wait(second.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Cancelled);
    machine.host.gate(None);
    let operation = engine.wait(first.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Finished);
    assert_eq!(records(&engine).len(), 1, "what never began is no history");
}

#[tokio::test]
async fn over_the_deadline_it_keeps_its_turn_and_then_goes_back() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let mut slow = work(&["a"], vec![create("x"), create("y")]);
    slow.deadline = Duration::from_millis(500);
    let id = engine.submit(slow).unwrap();
    let waits_for = || engine.get(id.as_str()).unwrap().waits_for;
    until("the deadline", || waits_for().is_some()).await;
    let overdue = waits_for().unwrap();
    assert!(overdue.contains("step 1, create file tank:x"), "{overdue}");
    assert_eq!(engine.holders().len(), 2, "the user and the pool");
    assert_eq!(
        engine.get(id.as_str()).unwrap().state,
        OperationState::Running
    );
    machine.host.gate(None);
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Reverted);
    assert_eq!(failure(&operation).code, Code::Deadline);
    let text = &failure(&operation).message;
    assert!(text.contains("step 2 of 2, create file tank:y"), "{text}");
    assert!(machine.host.world().files.is_empty());
}

#[tokio::test]
async fn a_plan_that_touches_more_is_made_again_with_all_turns() {
    let machine = Machine::new();
    let engine = machine.start("");
    let plan = (work(&["b", "a"], vec![create("x")]).planner)();
    let plan = plan.unwrap().plan;
    let compiled = Arc::new(AtomicUsize::new(0));
    let mut wider = work(&["b"], Vec::new());
    wider.planner = {
        let (engine, compiled) = (engine.clone(), Arc::clone(&compiled));
        Arc::new(move || {
            let round = compiled.fetch_add(1, Ordering::SeqCst);
            let users = engine.holders().len() - 1;
            assert_eq!(users, round + 1, "and the pool");
            Ok(plan.clone().into())
        })
    };
    let operation = run(&engine, wider).await;
    assert_eq!(operation.state, OperationState::Finished);
    assert_eq!(compiled.load(Ordering::SeqCst), 2);
    assert_eq!(operation.touches, [user("b"), user("a")]);
}

#[tokio::test]
async fn abbreviations_and_what_they_do_not_fit() {
    let machine = Machine::new();
    let engine = machine.start("");
    let id = engine.submit(work(&["a"], Vec::new())).unwrap();
    engine.submit(work(&["b"], Vec::new())).unwrap();
    assert_eq!(engine.get(id.as_str()).unwrap().id, id);
    assert_eq!(engine.get("2").unwrap_err().code, Code::Ambiguous);
    assert_eq!(engine.get("zzz").unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn the_history_runs_over_months_and_torn_lines() {
    let machine = Machine::new();
    let engine = machine.start("");
    for name in ["x", "y", "z"] {
        run(&engine, work(&["a"], vec![create(name)])).await;
    }
    let dir = machine.path("tank/history");
    let months = crate::journal::list(&dir).unwrap();
    assert_eq!(months.len(), 1);
    // A month before, of one record and a torn one.
    let text = std::fs::read_to_string(&months[0]).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    write(
        &dir.join("2001-01.jsonl"),
        &format!("{first}\n{{\"schema\":1,\"id"),
    );
    write(&months[0], &format!("{rest}{{torn"));
    let ids: Vec<_> = engine.list().into_iter().map(|o| o.id).rev().collect();
    let read: Vec<_> = records(&engine).into_iter().map(|r| r.header.id).collect();
    assert_eq!(read, ids);
    assert_eq!(engine.history(&tank(), 2).unwrap().records.len(), 2);
    // The torn line is cut off by the next one, and a damaged one hides nothing but itself.
    run(&engine, work(&["a"], vec![create("w")])).await;
    assert_eq!(records(&engine).len(), 4);
    write(&dir.join("2000-12.jsonl"), "rubbish\n");
    let history = engine.history(&tank(), 100).unwrap();
    assert_eq!(history.records.len(), 4);
    assert_eq!(history.damaged[0].code, Code::Damaged);
    assert!(history.damaged[0].message.contains("2000-12.jsonl:1"));
}

#[tokio::test]
async fn shutdown_cancels_what_waits_and_waits_for_what_runs() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let running = engine.submit(work(&["a"], vec![create("x")])).unwrap();
    let queued = engine.submit(work(&["a"], vec![create("y")])).unwrap();
    machine.host.until_active(1).await;
    let left = engine.shutdown(Duration::from_millis(50)).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, running);
    let queued = engine.get(queued.as_str()).unwrap();
    assert_eq!(queued.state, OperationState::Cancelled);
    let refused = engine.submit(work(&["b"], Vec::new())).unwrap_err();
    assert_eq!(refused.code, Code::Busy);
    machine.host.gate(None);
    assert!(engine.shutdown(LONG).await.is_empty());
}

/// Damages a file as no program of osctl would.
#[expect(clippy::disallowed_methods, reason = "a test damages files on purpose")]
fn write(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
