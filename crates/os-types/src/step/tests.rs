use std::fmt::Write as _;

use super::*;
use crate::entity::EntityRef;
use crate::plan::{JournalPlace, Plan};

#[test]
fn inverse_twice_is_the_same_step() {
    for (line, step) in golden() {
        let Some(back) = step.inverse() else {
            // It destroys data.
            assert!(line.contains("purge") || line.contains("absent"), "{line}");
            continue;
        };
        // What a step made and its inverse destroys cannot be made again.
        assert_eq!(*back.inverse().as_ref().unwrap_or(&step), step, "{line}");
    }
}

#[test]
fn a_plan_is_undone_in_reverse_order() {
    let made = golden().map(|(_, step)| step);
    let (steps, lasting): (Vec<_>, Vec<_>) = made.partition(|step| step.undo().is_some());
    let (first, count) = (steps[0].undo(), steps.len());
    let mut plan = Plan {
        steps,
        touches: vec![EntityRef::Host],
        journal: JournalPlace::Host,
        parallel: Vec::new(),
    };
    let back = plan.undo().unwrap();
    assert_eq!(back.steps.len(), count);
    assert_eq!(back.steps.last(), first.as_ref());
    plan.steps.insert(0, lasting[0].clone());
    assert_eq!(plan.undo(), Err(&lasting[0]));
}

/// The steps of `golden/steps.jsonl`, which were written by the first code that had them.
fn golden() -> impl Iterator<Item = (&'static str, Step)> {
    let lines = include_str!("golden/steps.jsonl").lines();
    lines.map(|line| (line, serde_json::from_str(line).expect(line)))
}

#[test]
fn journals_of_earlier_versions_are_read_and_written_alike() {
    let mut kinds: Vec<_> = golden().map(|(_, step)| step.kind()).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        Step::KINDS,
        "lines for each kind, in the order of the table"
    );
    for (line, step) in golden() {
        assert_eq!(serde_json::to_string(&step).unwrap(), line);
        assert!(line.starts_with(&format!("{{\"step\":\"{}\"", step.kind())));
    }
    let run = r#"{"step":"run","pool":"tank","container":"web","stop":{},"to":"present"}"#;
    let run: Step = serde_json::from_str(run).unwrap();
    assert!(
        golden().any(|(_, step)| step == run),
        "defaults are filled in"
    );
}

#[test]
fn each_kind_says_what_it_does_and_what_takes_it_back() {
    let name = |step: Option<Step>| step.map_or_else(|| "none".to_owned(), |it| it.to_string());
    let mut text = String::new();
    for (_, step) in golden() {
        let durability = step.durability();
        let (back, undo) = (name(step.inverse()), name(step.undo()));
        writeln!(
            text,
            "{step}\n  back: {back}\n  undo: {undo}\n  {durability:?}"
        )
        .unwrap();
    }
    assert_eq!(text, include_str!("golden/steps.txt"));
}
