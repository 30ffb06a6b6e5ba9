//! Steps that run side by side, and steps that are irreversible.

use os_types::{EntityRef, Parallel};

use crate::fake::{World, container, parallel};
use crate::fault::Point;
use crate::request::Strength;

use super::*;

/// All steps but the first and the last side by side.
fn middle(steps: Vec<Step>) -> OperationRequest {
    let count = steps.len() - 2;
    let group = Parallel {
        first: 2,
        count,
        width: 2,
    };
    parallel(work(&["a"], steps), group)
}

fn five() -> Vec<Step> {
    ["x", "p1", "p2", "p3", "y"].map(create).to_vec()
}

fn stop(name: &str) -> Step {
    container(name, Presence::Absent)
}

fn run_containers(machine: &Machine, names: &[&str]) {
    let names = names.iter().map(ToString::to_string);
    machine.host.change(|world| world.running.extend(names));
}

#[tokio::test]
async fn they_run_at_the_same_time_and_no_more_than_allowed() {
    let machine = Machine::new();
    machine.host.gate(Some("tank:p"));
    let engine = machine.start("");
    let id = engine.submit(middle(five())).unwrap();
    machine.host.until_active(2).await;
    assert_eq!(machine.host.applied(), ["create file tank:x"]);
    let states = states(&engine.get(id.as_str()).unwrap());
    let running = states.iter().filter(|state| **state == StepState::Running);
    assert_eq!(running.count(), 2, "{states:?}");
    machine.host.gate(None);
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Finished, "{operation:?}");
    assert_eq!(machine.host.most_active(), 2);
    let applied = machine.host.applied();
    assert!(applied[4].ends_with('y'), "{applied:?}");
}

#[tokio::test]
async fn those_that_take_long_do_not_keep_others_from_beginning() {
    let mut machine = Machine::new();
    machine.limits.busy = Duration::from_millis(20);
    machine.host.gate(Some("deaf"));
    let engine = machine.start("");
    let names = ["x", "deaf1", "deaf2", "deaf3", "p1", "p2", "y"];
    let steps = names.map(create).to_vec();
    let id = engine.submit(middle(steps)).unwrap();
    machine.host.until_applied("tank:p2").await;
    machine.host.until_active(3).await;
    machine.host.gate(None);
    let operation = engine.wait(id.as_str(), LONG).await.unwrap();
    assert_eq!(operation.state, OperationState::Finished);
}

#[tokio::test]
async fn a_failing_one_does_not_keep_others_from_being_tried() {
    let machine = Machine::new();
    run_containers(&machine, &["c1", "broken", "c2"]);
    machine.host.break_at(Some("stop container tank:broken"));
    let engine = machine.start("");
    let steps = vec![
        create("x"),
        stop("c1"),
        stop("broken"),
        stop("c2"),
        create("y"),
    ];
    let operation = run(&engine, middle(steps)).await;
    assert_eq!(operation.state, OperationState::Reverted);
    let world = machine.host.world();
    assert_eq!(world.running, BTreeSet::from(["broken".to_owned()]));
    assert!(world.files.is_empty(), "reversible steps are reverted");
    let text = &failure(&operation).message;
    assert!(text.contains("tank:broken: it is broken"), "{text}");
    assert!(
        text.ends_with("irreversible steps stay in effect: step 2, 4"),
        "{text}"
    );
    assert_eq!(records(&engine).remove(0).ending.left, [2, 4]);
}

#[tokio::test]
async fn killed_at_every_point_of_a_group() {
    for point in Point::forward(5) {
        let machine = Machine::new();
        // Those that are in progress when the daemon dies are written down as intended only.
        machine.host.gate(Some("tank:p3"));
        let engine = machine.start(&format!("test:{point}:kill"));
        let id = engine.submit(middle(five())).unwrap();
        if !matches!(point.moment, crate::fault::Moment::Step(2 | 3)) {
            machine.host.gate(None);
        }
        engine.wait(id.as_str(), LONG).await.unwrap();
        machine.host.gate(None);
        let engine = machine.start("");
        engine.recover(tank()).await.unwrap();
        let world = machine.host.world();
        if point.to_string() == "begin:before" {
            assert_eq!(world, World::default());
            continue;
        }
        assert_eq!(world.files.len(), 5, "{point}");
        let state = records(&engine)[0].ending.state;
        assert_eq!(state, OperationState::Finished, "{point}");
        assert!(machine.open_journals().is_empty(), "{point}");
    }
}

#[tokio::test]
async fn killed_at_every_point_of_the_way_back_of_a_group() {
    for point in Point::reverting(5) {
        let machine = Machine::new();
        let engine = machine.start(&format!("test:5:after:fail,test:{point}:kill"));
        run(&engine, middle(five())).await;
        let engine = machine.start("");
        engine.recover(tank()).await.unwrap();
        assert_eq!(machine.host.world(), World::default(), "{point}");
        let state = records(&engine)[0].ending.state;
        assert_eq!(state, OperationState::Reverted, "{point}");
    }
}

/// An export that was cut off while its guests shut down stops the others, too.
#[tokio::test]
async fn stops_that_were_cut_off_are_rolled_forward() {
    for point in Point::forward(3).into_iter().skip(1) {
        let machine = Machine::new();
        run_containers(&machine, &["c1", "c2"]);
        let engine = machine.start(&format!("test:{point}:kill"));
        let steps = vec![stop("c1"), stop("c2"), create("x")];
        let group = Parallel {
            first: 1,
            count: 2,
            width: 2,
        };
        run(&engine, parallel(work(&["a"], steps), group)).await;
        let engine = machine.start("");
        engine.recover(tank()).await.unwrap();
        // Nothing waits for guests before it is known what runs.
        for id in engine.resume(tank()).await.unwrap() {
            engine.wait(id.as_str(), LONG).await.unwrap();
        }
        let world = machine.host.world();
        assert!(world.running.is_empty(), "{point}: {world:?}");
        assert_eq!(world.files.len(), 1, "{point}");
    }
}

/// A cancelled export tells no more guests to shut down.
#[tokio::test]
async fn a_cancelled_group_begins_no_more_steps() {
    let machine = Machine::new();
    run_containers(&machine, &["deaf", "c2"]);
    machine.host.wait_at(Some("stop container tank:deaf"));
    let engine = machine.start("");
    let steps = vec![stop("deaf"), stop("c2"), create("x")];
    let group = Parallel {
        first: 1,
        count: 2,
        width: 1,
    };
    let export = work_on(vec![whole()], steps);
    let export = engine.submit(parallel(export, group)).unwrap();
    machine.host.until_active(1).await;
    engine.cancel(export.as_str()).unwrap();
    let export = engine.wait(export.as_str(), LONG).await.unwrap();
    assert_eq!(states(&export)[1], Pending, "{export:?}");
    assert!(machine.host.world().running.contains("c2"));
}

#[tokio::test]
async fn a_kill_interrupts_one_stop_of_an_export_and_the_export_goes_on() {
    let machine = Machine::new();
    run_containers(&machine, &["deaf", "c2"]);
    machine.host.wait_at(Some("stop container tank:deaf"));
    let engine = machine.start("");
    let mut events = engine.events().subscribe(None);
    let steps = vec![stop("deaf"), stop("c2"), create("x")];
    let group = Parallel {
        first: 1,
        count: 2,
        width: 4,
    };
    let export = work_on(vec![whole()], steps);
    let export = engine.submit(parallel(export, group)).unwrap();
    machine.host.until_active(1).await;
    let deaf = EntityRef::Container {
        pool: crate::fake::pool(),
        name: "deaf".parse().unwrap(),
    };
    // It kills, and does not ask.
    let host = machine.host.clone();
    let kill = OperationRequest {
        strength: Strength::Urgent,
        planner: Arc::new({
            let plan = (work_on(vec![deaf.clone()], vec![stop("deaf")]).planner)();
            let plan = plan.unwrap().plan;
            move || {
                host.wait_at(None);
                Ok(plan.clone().into())
            }
        }),
        ..work_on(vec![deaf], Vec::new())
    };
    let kill = engine.submit(kill).unwrap();
    let killed = engine.wait(kill.as_str(), LONG).await.unwrap();
    assert_eq!(killed.state, OperationState::Finished, "{killed:?}");
    let export = engine.wait(export.as_str(), LONG).await.unwrap();
    assert_eq!(export.state, OperationState::Finished, "{export:?}");
    assert!(machine.host.world().running.is_empty());
    assert_eq!(machine.host.world().files.len(), 1);
    let told: Vec<_> = std::iter::from_fn(|| events.try_next())
        .filter_map(|event| match event.body {
            EventBody::Progress { begins, text, .. } => Some((begins, text)),
            _ => None,
        })
        .collect();
    let waits = (false, "ct deaf: waiting".to_owned());
    assert!(told.contains(&waits), "{told:?}");
    let begins = (true, stop("deaf").to_string());
    assert!(told.contains(&begins), "{told:?}");
}

/// A journal as a daemon before ADR-16 wrote it: the host is among what is touched, and no step runs
/// beside another one.
#[tokio::test]
async fn a_journal_of_the_old_form_is_finished() {
    let machine = Machine::new();
    let begin = r#"{"record":"begin","schema":1,"id":"20261130-120000.000-0001","command":"user-new","cli":"osctl user new alice","uid":0,"pid":42,"created":"2026-11-30T12:00:00Z","started":"2026-11-30T12:00:00Z","boot":"1","host":"testhost","plan":{"steps":[{"step":"file","path":"tank:conf/user/alice.toml","before":null,"after":"text"},{"step":"system-user","pool":"tank","user":"alice","to":"present"}],"touches":[{"kind":"host"},{"kind":"user","pool":"tank","name":"alice"}],"journal":{"place":"pool","pool":"tank"}}}"#;
    let intent = r#"{"record":"intent","step":1}"#;
    let open = machine.path("tank/open");
    std::fs::create_dir_all(&open).unwrap();
    let journal = open.join("20261130-120000.000-0001.jsonl");
    write(&journal, &format!("{begin}\n{intent}\n"));
    let engine = machine.start("");
    engine.recover(tank()).await.unwrap();
    let operation = engine.get("20261130-120000.000-0001").unwrap();
    assert_eq!(operation.state, OperationState::Finished, "{operation:?}");
    let world = machine.host.world();
    assert_eq!((world.files.len(), world.accounts.len()), (1, 1));
    assert!(records(&engine)[0].view().undoable);
}
