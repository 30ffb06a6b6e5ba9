//! Undo and redo.

use super::*;
use os_types::step::DatasetStep;

async fn undo(engine: &Engine<Fake>, target: &UndoTarget) -> Operation {
    run(engine, engine.undo_work(target).unwrap()).await
}

fn this(id: &OpId) -> UndoTarget {
    UndoTarget::Operation(id.to_string())
}

fn why(engine: &Engine<Fake>, target: &UndoTarget) -> String {
    let failure = engine.undo_plan(target).unwrap_err();
    assert_eq!(failure.code, Code::NoUndo, "{failure}");
    failure.message
}

#[tokio::test]
async fn undo_and_redo() {
    let machine = Machine::new();
    let engine = machine.start("");
    let steps = vec![create("x"), account("g", Presence::Present)];
    let done = run(&engine, work(&["a"], steps)).await;
    let after = machine.host.world();
    let undone = undo(&engine, &UndoTarget::Newest).await;
    assert_eq!(undone.state, OperationState::Finished);
    assert_eq!(
        (undone.command.as_str(), &undone.undoes),
        ("undo", &Some(done.id.clone()))
    );
    assert_eq!(undone.touches, [user("a")]);
    assert_eq!(machine.host.world(), crate::fake::World::default());
    assert!(why(&engine, &this(&done.id)).contains("undone already"));
    let redone = undo(&engine, &this(&undone.id)).await;
    assert_eq!(redone.state, OperationState::Finished);
    assert_eq!(machine.host.world(), after);
    // What was done again can be undone again.
    assert_eq!(engine.undo_plan(&this(&done.id)).unwrap().0, done.id);
    assert_eq!(engine.undo_plan(&UndoTarget::Newest).unwrap().0, done.id);
}

#[tokio::test]
async fn again_and_again_goes_further_back() {
    let machine = Machine::new();
    let engine = machine.start("");
    run(&engine, work(&["a"], vec![create("x")])).await;
    run(&engine, work(&["a"], vec![create("y")])).await;
    undo(&engine, &UndoTarget::Newest).await;
    assert!(machine.host.world().files.contains_key("x"));
    undo(&engine, &UndoTarget::Newest).await;
    assert!(machine.host.world().files.is_empty());
    assert!(why(&engine, &UndoTarget::Newest).contains("no operation"));
}

#[tokio::test]
async fn refusals_name_the_reason() {
    let machine = Machine::new();
    machine
        .host
        .change(|world| assert!(world.datasets.insert("tank/a".into())));
    let engine = machine.start("test:bad:fail");
    let destroyed = run(&engine, work(&["a"], vec![destroy("tank/a")])).await;
    let text = why(&engine, &this(&destroyed.id));
    assert!(text.contains("destroy dataset tank/a"), "{text}");

    let changed = run(&engine, work(&["a"], vec![create("x")])).await;
    machine
        .host
        .change(|world| drop(world.files.insert("x".into(), "theirs".into())));
    let text = why(&engine, &this(&changed.id));
    assert!(
        text.contains("changed since") && text.contains("theirs"),
        "{text}"
    );

    machine.host.break_at(Some("tank:y"));
    let reverted = run(&engine, work(&["a"], vec![create("y")])).await;
    assert!(why(&engine, &this(&reverted.id)).contains("did not succeed"));
    let unknown = engine.undo_plan(&UndoTarget::Operation("nope".into()));
    assert_eq!(unknown.unwrap_err().code, Code::NotFound);
}

/// The steps back would find it as they left it, and take with it what somebody put there.
#[tokio::test]
async fn what_may_hold_data_by_now_is_not_taken_away() {
    let machine = Machine::new();
    let engine = machine.start("");
    let make = Step::Dataset(DatasetStep {
        dataset: "tank/a".parse().unwrap(),
        to: Presence::Present,
    });
    let made = run(&engine, work(&["a"], vec![create("x"), make])).await;
    assert_eq!(made.state, OperationState::Finished);
    let text = why(&engine, &this(&made.id));
    let reason = "may hold data by now: create dataset tank/a";
    assert!(text.ends_with(reason), "{text}");
    assert!(!records(&engine).remove(0).view().undoable);
    assert_eq!(
        engine.undo_work(&this(&made.id)).unwrap_err().code,
        Code::NoUndo
    );
    assert!(machine.host.world().datasets.contains("tank/a"));
}

#[tokio::test]
async fn of_two_undos_of_one_operation_the_second_is_refused_in_its_turn() {
    let machine = Machine::new();
    let engine = machine.start("");
    let done = run(&engine, work(&["a"], vec![create("x")])).await;
    let works = [1, 2].map(|_| engine.undo_work(&this(&done.id)).unwrap());
    let ids = works.map(|work| engine.submit(work).unwrap());
    let mut ends = Vec::new();
    for id in &ids {
        ends.push(engine.wait(id.as_str(), LONG).await.unwrap());
    }
    assert_eq!(ends[0].state, OperationState::Finished);
    assert_eq!(ends[1].state, OperationState::Failed);
    assert_eq!(failure(&ends[1]).code, Code::NoUndo);
}
