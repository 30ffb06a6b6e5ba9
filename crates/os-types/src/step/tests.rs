use super::*;
use crate::entity::EntityRef;
use crate::plan::{JournalPlace, Plan};

fn samples() -> Vec<Step> {
    let pool: PoolName = "tank".parse().unwrap();
    let path = PoolPath::new(&pool, "conf/user/a.toml").unwrap();
    let to = Presence::Present;
    vec![
        Step::Directory {
            path: path.clone(),
            mode: 0o500,
            to,
        },
        Step::File {
            path,
            before: None,
            after: Some("x".into()),
        },
        Step::Dataset {
            dataset: "tank/ct".parse().unwrap(),
            to,
        },
        Step::Property {
            dataset: "tank".parse().unwrap(),
            name: "a:b".into(),
            before: None,
            after: Some("yes".into()),
        },
        Step::IdBlocks {
            pool: pool.clone(),
            range: "default".parse().unwrap(),
            index: 3,
            count: 2,
            owner: Some("user:a".into()),
            to,
        },
        Step::SystemUser {
            pool: pool.clone(),
            user: "a".parse().unwrap(),
            to,
        },
        Step::Cgroup {
            path: "pool.tank".into(),
            to,
        },
        Step::Process {
            cgroup: "pool.tank/p".into(),
            argv: vec!["/bin/sleep".into()],
            to,
        },
        Step::PoolImage {
            pool: pool.clone(),
            file: "/x.img".into(),
            size: ByteSize::gib(10),
            file_system: Some(FileSystem::Zfs),
            to,
        },
        Step::PoolSource {
            pool: pool.clone(),
            before: None,
            after: Some("/x.img".into()),
        },
        Step::PoolOpen {
            pool: pool.clone(),
            force: false,
            installed: true,
            to,
        },
        Step::PoolMark {
            pool: pool.clone(),
            to,
        },
        guest(&pool),
        Step::PoolActive {
            pool,
            keep_users: false,
            to,
        },
    ]
}

fn guest(pool: &PoolName) -> Step {
    Step::Guest {
        pool: pool.clone(),
        container: "web".parse().unwrap(),
        before: GuestSettings::default(),
        after: GuestSettings {
            hostname: Some("web.example.org".parse().unwrap()),
            dns_resolvers: vec!["192.0.2.1".parse().unwrap()],
        },
    }
}

#[test]
fn inverse_twice_is_the_same_step() {
    for step in samples() {
        let destroys = matches!(step, Step::Dataset { .. } | Step::PoolImage { .. });
        let same = matches!(step, Step::PoolReload { .. } | Step::AccountFiles {});
        let back = step.inverse().unwrap();
        assert_eq!(back == step, same);
        assert_eq!(step.undo().is_none(), destroys);
        if destroys {
            assert_eq!(back.inverse(), None, "{back}");
        } else {
            assert_eq!(back.inverse().as_ref(), Some(&step));
        }
    }
}

#[test]
fn survives_the_journal_and_names_its_kind() {
    for step in samples() {
        let text = serde_json::to_string(&step).unwrap();
        assert!(
            text.contains(&format!("\"step\":\"{}\"", step.kind())),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
        assert!(!step.to_string().is_empty());
    }
}

#[test]
fn a_plan_is_inverted_in_reverse_order() {
    let steps = samples();
    let count = steps.len();
    let plan = Plan {
        steps,
        touches: vec![EntityRef::Host],
        journal: JournalPlace::Host,
    };
    let back = plan.inverse().unwrap();
    assert_eq!(back.steps.len(), count);
    assert_eq!(back.steps.last().map(Step::kind), Some("directory"));
    assert!(
        back.inverse().is_err(),
        "the image that back destroys cannot be made again"
    );
}

#[test]
fn reads_like_a_sentence() {
    let lines: Vec<_> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines[0],
        "create directory tank:conf/user/a.toml (mode 0500)"
    );
    assert_eq!(lines[1], "create file tank:conf/user/a.toml");
    assert_eq!(
        lines[4],
        "allocate blocks 3 to 4 of id range tank:default for user:a"
    );
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
    assert_eq!(kinds.len(), 20, "a line for each kind: {kinds:?}");
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
        text += &format!("{step}\n  back: {back}\n  undo: {undo}\n  {durability:?}\n");
    }
    assert_eq!(text, include_str!("golden/steps.txt"));
}
