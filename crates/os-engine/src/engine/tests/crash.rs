//! The daemon dies; another one starts.

use super::*;
use crate::fault::Point;
use os_types::step::PoolPrepareStep;

/// Submits work to a daemon that dies in the middle.
async fn die(machine: &Machine, faults: &str, steps: Vec<Step>) -> OpId {
    let engine = machine.start(faults);
    let operation = run(&engine, work(&["a"], steps)).await;
    assert_eq!(operation.state, OperationState::Failed, "{faults}");
    assert_eq!(failure(&operation).code, Code::Internal, "{faults}");
    operation.id
}

fn three() -> Vec<Step> {
    vec![create("x"), account("g", Presence::Present), create("y")]
}

#[tokio::test]
async fn at_every_point_of_the_way_there() {
    for point in Point::forward(3) {
        let machine = Machine::new();
        let id = die(&machine, &format!("test:{point}:kill"), three()).await;
        let engine = machine.start("");
        let settled = engine.recover(tank()).await.unwrap();
        let world = machine.host.world();
        if point.to_string() == "begin:before" {
            assert_eq!(settled, []);
            assert_eq!(world, crate::fake::World::default());
            continue;
        }
        assert_eq!(settled, std::slice::from_ref(&id), "{point}");
        assert_eq!((world.files.len(), world.accounts.len()), (2, 1), "{point}");
        let history = records(&engine);
        assert_eq!(history.len(), 1, "{point}");
        assert_eq!(history[0].ending.state, OperationState::Finished, "{point}");
        assert!(machine.open_journals().is_empty(), "{point}");
        if point.to_string() != "end:after" {
            let operation = engine.get(id.as_str()).unwrap();
            assert_eq!(operation.state, OperationState::Finished, "{point}");
            assert!(operation.recovered, "{point}");
        }
    }
}

#[tokio::test]
async fn at_every_point_of_the_way_back() {
    for failed in 1..=3 {
        for point in Point::reverting(failed) {
            let machine = Machine::new();
            let faults = format!("test:{failed}:after:fail,test:{point}:kill");
            die(&machine, &faults, three()).await;
            let engine = machine.start("");
            engine.recover(tank()).await.unwrap();
            assert_eq!(machine.host.world(), crate::fake::World::default());
            let history = records(&engine);
            assert_eq!(history.len(), 1, "{point}");
            let state = history[0].ending.state;
            assert_eq!(state, OperationState::Reverted, "{point}");
            assert!(machine.open_journals().is_empty(), "{point}");
        }
    }
}

#[tokio::test]
async fn what_cannot_go_forward_any_more_goes_back() {
    let machine = Machine::new();
    die(&machine, "test:2:after:kill", three()).await;
    machine.host.break_at(Some("tank:y"));
    let engine = machine.start("");
    engine.recover(tank()).await.unwrap();
    assert_eq!(machine.host.world(), crate::fake::World::default());
    let record = records(&engine).remove(0);
    assert_eq!(record.ending.state, OperationState::Reverted);
    assert!(record.ending.recovered);
}

#[tokio::test]
async fn a_panic_in_the_check_of_what_is_left_takes_it_back() {
    let machine = Machine::new();
    die(&machine, "test:2:after:kill", three()).await;
    machine.host.panic_at("reserve");
    let engine = machine.start("");
    engine.recover(tank()).await.unwrap();
    assert_eq!(machine.host.world(), crate::fake::World::default());
    let record = records(&engine).remove(0);
    assert_eq!(record.ending.state, OperationState::Reverted);
    assert!(machine.open_journals().is_empty());
}

/// An operation that a crash cut off gives an account that another one has reserved meanwhile.
#[tokio::test]
async fn what_is_reserved_is_given_by_one_operation_at_a_time() {
    let machine = Machine::new();
    let given = || vec![create("slow"), account("g", Presence::Present)];
    let cut_off = die(&machine, "test:1:before:kill", given()).await;
    let engine = machine.start("");
    let reserving = || {
        let (host, request) = (machine.host.clone(), work(&["b"], given()));
        let plan = (request.planner)().unwrap().plan;
        let planner = Arc::new(move || {
            let reservation = host.reserve(&plan)?;
            let plan = plan.clone();
            Ok(crate::Planned { plan, reservation })
        });
        OperationRequest { planner, ..request }
    };
    machine.host.gate(Some("tank:slow"));
    let id = engine.submit(reserving()).unwrap();
    machine.host.until_active(1).await;
    engine.recover(tank()).await.unwrap();
    let settled = engine.get(cut_off.as_str()).unwrap();
    assert_eq!(settled.state, OperationState::Reverted);
    assert_eq!(failure(&settled).code, Code::Overlap);
    machine.host.gate(None);
    let ended = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(ended.state, OperationState::Finished);
    // A reservation ends with its operation.
    let again = run(&engine, reserving()).await;
    assert_eq!(again.state, OperationState::Finished);
}

#[tokio::test]
async fn another_boot_does_not_start_what_only_ran() {
    let mut machine = Machine::new();
    die(&machine, "test:2:after:kill", three()).await;
    machine.host.change(|world| world.accounts.clear());
    machine.boot += 1;
    let engine = machine.start("");
    engine.recover(tank()).await.unwrap();
    let world = machine.host.world();
    assert_eq!((world.files.len(), world.accounts.len()), (2, 0));
    assert_eq!(records(&engine)[0].ending.state, OperationState::Finished);
}

#[tokio::test]
async fn a_cancelled_operation_is_not_finished_by_recovery() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("test:revert-1:before:kill");
    let id = engine.submit(work(&["a"], three())).unwrap();
    machine.host.until_active(1).await;
    engine.cancel(id.as_str()).unwrap();
    machine.host.gate(None);
    engine.wait(id.as_str(), LONG).await.unwrap();
    let engine = machine.start("");
    engine.recover(tank()).await.unwrap();
    assert_eq!(machine.host.world(), crate::fake::World::default());
    let operation = engine.get(id.as_str()).unwrap();
    assert_eq!(operation.state, OperationState::Cancelled);
}

#[tokio::test]
async fn recovery_leaves_alone_what_runs() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:x"));
    let engine = machine.start("");
    let id = engine.submit(work(&["a"], three())).unwrap();
    machine.host.until_active(1).await;
    assert_eq!(engine.recover(tank()).await.unwrap(), []);
    machine.host.gate(None);
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Finished);
    assert!(!operation.recovered);
}

#[tokio::test]
async fn a_torn_begin_is_discarded_and_a_damaged_journal_put_aside() {
    let machine = Machine::new();
    let good = die(&machine, "test:2:after:kill", three()).await;
    let begin = std::fs::read_to_string(&machine.open_journals()[0]).unwrap();
    let open = machine.path("tank/open");
    write(
        &open.join("20260101-000000.000-0001.jsonl"),
        "{\"record\":\"beg",
    );
    write(&open.join("20260101-000000.000-0002.jsonl"), "");
    let damaged = begin.replacen("intent", "in\u{0}ent", 1);
    assert_ne!(damaged, begin);
    write(&open.join("20260101-000000.000-0003.jsonl"), &damaged);
    let newer = begin.replacen("\"schema\":1", "\"schema\":9", 1);
    write(&open.join("20260101-000000.000-0004.jsonl"), &newer);
    write(&open.join("notes.jsonl"), "of somebody");

    let engine = machine.start("");
    let settled = engine.recover(tank()).await.unwrap();
    assert_eq!(settled.len(), 5);
    let state = |end: &str| engine.get(end).unwrap().state;
    assert_eq!(state("0001"), OperationState::Cancelled);
    assert_eq!(state("0002"), OperationState::Cancelled);
    assert_eq!(state(good.as_str()), OperationState::Finished);
    let report = engine.get("20260101-000000.000-0003").unwrap();
    assert_eq!(failure(&report).code, Code::Damaged);
    let text = &failure(&report).message;
    assert!(text.contains("0003.jsonl:2:"), "{text}");
    assert!(text.contains("it is now"), "{text}");
    assert!(
        machine
            .path("tank/damaged/20260101-000000.000-0003.jsonl")
            .exists()
    );
    let report = engine.get("20260101-000000.000-0004").unwrap();
    assert!(failure(&report).message.contains("schema"));
    assert_eq!(machine.open_journals(), [open.join("notes.jsonl")]);
    assert_eq!(machine.start("").recover(tank()).await.unwrap(), []);
}

#[tokio::test]
async fn a_pool_is_recovered_within_the_step_that_prepares_it() {
    let machine = Machine::new();
    let id = die(&machine, "test:1:after:kill", three()).await;
    machine.host.recover_at(tank());
    let engine = machine.start("");
    let prepare = Step::PoolPrepare(PoolPrepareStep {
        pool: crate::fake::pool(),
        to: Presence::Present,
    });
    let mut import = work(&[], vec![prepare]);
    let plan = Plan {
        journal: JournalPlace::Host,
        ..(import.planner)().unwrap().plan
    };
    import.planner = Arc::new(move || Ok(plan.clone().into()));
    let import = run(&engine, import).await;
    assert_eq!(import.state, OperationState::Finished);
    assert!(engine.get(id.as_str()).unwrap().recovered);
    assert_eq!(machine.host.world().files.len(), 2);
    assert_eq!(
        engine
            .history(&JournalPlace::Host, 9)
            .unwrap()
            .records
            .len(),
        1
    );
}

/// What only the daemon knew is made again, at whatever step the daemon died, and both ways.
#[tokio::test]
async fn what_was_in_memory_is_there_again() {
    use Presence::{Absent, Present};
    let steps = |to| vec![create("x"), crate::fake::loaded(to), account("g", Present)];
    for point in Point::forward(3).into_iter().skip(1) {
        let machine = Machine::new();
        die(&machine, &format!("test:{point}:kill"), steps(Present)).await;
        machine.start("").recover(tank()).await.unwrap();
        let is_over = point.to_string().starts_with("end");
        assert!(is_over || machine.host.is_loaded(), "{point}");
    }
    // The daemon that dies has nothing in memory, so its second step has nothing to do.
    let is_passed = |point: &Point| !point.to_string().starts_with("revert-2");
    for point in Point::reverting(3).into_iter().filter(is_passed) {
        let machine = Machine::new();
        let faults = format!("test:3:after:fail,test:{point}:kill");
        die(&machine, &faults, steps(Absent)).await;
        machine.start("").recover(tank()).await.unwrap();
        let is_over = point.to_string().starts_with("end");
        assert!(is_over || machine.host.is_loaded(), "{point}");
    }
}

#[tokio::test]
async fn a_full_disk_at_the_end_does_not_bring_the_operation_back_later() {
    let machine = Machine::new();
    let engine = machine.start("");
    // A directory in the place of the month's file makes the history unwritable.
    let month = Timestamp::now().strftime("%Y-%m").to_string();
    let path = machine.path("tank/history");
    std::fs::create_dir_all(path.join(format!("{month}.jsonl"))).unwrap();
    let operation = run(&engine, work(&["a"], vec![create("x")])).await;
    assert_eq!(operation.state, OperationState::Finished);
    assert!(machine.open_journals().is_empty());
}
