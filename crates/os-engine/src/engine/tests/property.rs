//! Random plans, failures, crashes and power losses: the world is as before or as after, and the
//! history says which.

use proptest::prelude::*;

use super::*;
use crate::fake::World;
use crate::fault::Point;

const FILES: [&str; 3] = ["x", "y", "z"];
const TEXTS: [Option<&str>; 3] = [None, Some("1"), Some("2")];

/// One drawn step: an object and what it becomes.
#[derive(Debug, Clone, Copy)]
enum Draw {
    File(usize, usize),
    Account(usize, bool),
}

#[derive(Debug, Clone)]
struct Case {
    draws: Vec<Draw>,
    /// At which step a failure is injected, and whether behind its effect.
    fail: Option<(usize, bool)>,
    /// How one daemon after the other dies, the second and third while they recover.
    crashes: Vec<Crash>,
}

#[derive(Debug, Clone, Copy)]
struct Crash {
    /// Where: an index into all points, modulo their number.
    point: usize,
    /// Simulates a power loss that keeps this percentage of the unsynced end of the journal.
    power_loss: Option<usize>,
}

fn draw() -> impl Strategy<Value = Draw> {
    prop_oneof![
        3 => (0..FILES.len(), 0..TEXTS.len()).prop_map(|(file, text)| Draw::File(file, text)),
        1 => (0..2usize, any::<bool>()).prop_map(|(name, to)| Draw::Account(name, to)),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let crash = (0..1000usize, proptest::option::of(0..=100usize));
    let crash = crash.prop_map(|(point, power_loss)| Crash { point, power_loss });
    (
        proptest::collection::vec(draw(), 1..6),
        proptest::option::of((0..6usize, any::<bool>())),
        proptest::collection::vec(crash, 0..4),
    )
        .prop_map(|(draws, fail, crashes)| Case {
            fail: fail.map(|(step, after)| (step % draws.len() + 1, after)),
            crashes,
            draws,
        })
}

/// The steps of the draws, the world behind them, and whether some of them change nothing.
fn plan(draws: &[Draw], start: &World) -> (Vec<Step>, World, bool) {
    let mut world = start.clone();
    let mut steps = Vec::new();
    let mut has_idle = false;
    for draw in draws {
        let before = world.clone();
        steps.push(match *draw {
            Draw::File(name, text) => {
                let (name, after) = (FILES[name], TEXTS[text]);
                let found = match after {
                    Some(text) => world.files.insert(name.into(), text.into()),
                    None => world.files.remove(name),
                };
                // One that is done already starts from elsewhere in the plan's mind.
                let before = if found.as_deref() == after {
                    TEXTS.into_iter().find(|text| *text != after).unwrap()
                } else {
                    found.as_deref()
                };
                file(name, before, after)
            }
            Draw::Account(name, true) => {
                world.accounts.insert(name.to_string());
                account(&name.to_string(), Presence::Present)
            }
            Draw::Account(name, false) => {
                world.accounts.remove(&name.to_string());
                account(&name.to_string(), Presence::Absent)
            }
        });
        has_idle |= before == world;
    }
    (steps, world, has_idle)
}

/// Loses a part of what a journal has behind its last synced line.
fn lose(path: &std::path::Path, percent: usize) {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let synced = |line: &&str| {
        ["\"begin\"", "\"revert", "\"unchanged\""]
            .iter()
            .any(|word| line.contains(word))
    };
    let last = lines.iter().rposition(synced).unwrap();
    let kept: usize = lines[..=last].iter().map(|line| line.len()).sum();
    let length = kept + (text.len() - kept) * percent / 100;
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length as u64).unwrap();
}

async fn check(case: Case) {
    let mut machine = Machine::new();
    machine.host.change(|world| {
        world.files.insert("x".into(), "1".into());
        world.accounts.insert("0".into());
    });
    let before = machine.host.world();
    let (steps, after, has_idle) = plan(&case.draws, &before);
    let count = steps.len();
    let side = |after| if after { "after" } else { "before" };
    let fail = case
        .fail
        .map(|(step, after)| format!(",test:{step}:{}:fail", side(after)))
        .unwrap_or_default();
    let points = [Point::forward(count), Point::reverting(count)].concat();
    let mut lost_power = false;
    let mut submitted = Some(work(&["a"], steps));
    for crash in &case.crashes {
        let point = points[crash.point % points.len()];
        let engine = machine.start(&format!("test:{point}:kill{fail}"));
        match submitted.take() {
            Some(work) => drop(run(&engine, work).await),
            // It may get to its end without coming to that point, or die again.
            None => drop(engine.recover(tank()).await),
        }
        // Of plans with idle steps a power loss may take the knowledge that they were idle (see
        // executor).
        let power_loss = crash.power_loss.filter(|_| !has_idle);
        if let (Some(percent), [journal]) = (power_loss, &machine.open_journals()[..]) {
            lost_power = true;
            machine.host.change(|world| world.accounts.clear());
            machine.boot += 1;
            lose(journal, percent);
        }
    }
    let engine = machine.start(&fail);
    if let Some(work) = submitted {
        run(&engine, work).await;
    }
    engine.recover(tank()).await.unwrap();
    let context = format!("{case:?}");

    let mut history = records(&engine);
    assert!(history.len() <= 1, "{context}");
    assert!(machine.open_journals().is_empty(), "{context}");
    let mut expected = match history.pop().map(|record| record.ending.state) {
        Some(OperationState::Finished) => after,
        Some(OperationState::Reverted) | None => before,
        other => panic!("{other:?}: {context}"),
    };
    if lost_power {
        expected.accounts.clear();
    }
    assert_eq!(machine.host.world(), expected, "{context}");
}

fn settle(case: Case) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(check(case));
}

/// What random plans found; each of them undid too much or too little once.
#[test]
fn found_before() {
    use Draw::{Account, File};
    let crash = |point, power_loss| Crash { point, power_loss };
    let cases = [
        (
            vec![File(2, 1), File(0, 0), File(2, 0), File(0, 2), File(1, 1)],
            Some((5, false)),
            vec![crash(12, Some(0))],
        ),
        (
            vec![File(2, 1), File(2, 0), File(0, 2)],
            Some((2, false)),
            vec![crash(8, Some(0))],
        ),
        (
            vec![Account(1, false), Account(1, true), File(0, 0)],
            Some((3, false)),
            vec![crash(7, None)],
        ),
        (
            vec![File(2, 1), File(0, 0), File(1, 1), File(2, 0), File(1, 0)],
            None,
            vec![crash(3, Some(0)), crash(10, None)],
        ),
    ];
    for (draws, fail, crashes) in cases {
        settle(Case {
            draws,
            fail,
            crashes,
        });
    }
}

proptest! {
    #[test]
    fn the_world_is_as_before_or_as_after(case in case()) {
        settle(case);
    }
}
