use os_types::IdSpan;
use proptest::prelude::*;

use super::*;

fn span(first: u32, count: u32) -> IdSpan {
    IdSpan::new(first, count).unwrap()
}

#[test]
fn a_damaged_file_still_shows_its_maps() {
    let text = "schema = 1\nuid_map = [\"0:1000000:65536\", \"65536:5:1\"\ngid_ma";
    let spans: Vec<_> = salvage::spans(text).collect();
    assert_eq!(spans, [span(1_000_000, 65_536), span(5, 1)]);
}

#[test]
fn a_user_is_named_before_its_allocation() {
    let allocation = Holder::Allocation {
        pool: "tank".parse().unwrap(),
        range: "default".parse().unwrap(),
        index: 3,
        owner: Some("web".into()),
    };
    assert_eq!(
        allocation.to_string(),
        "id range allocation tank:default block 3 of web"
    );
    let user = Holder::User {
        pool: "tank".parse().unwrap(),
        name: "alice".parse().unwrap(),
    };
    let spans = Spans::new(vec![
        Claim::new(span(10, 10), allocation.clone()),
        Claim::new(span(15, 1), user.clone()),
    ]);
    assert_eq!(spans.first(span(0, 100), &|_| false).unwrap().holder, user);
    let found = spans.first(span(0, 100), &|h| *h == user).unwrap();
    assert_eq!(found.holder, allocation);
    assert_eq!(spans.first(span(20, 5), &|_| false), None);
}

proptest! {
    #[test]
    fn finds_what_a_plain_search_finds(
        claims in prop::collection::vec((0u32..60, 1u32..30), 0..12), first in 0u32..80, count in 1u32..20
    ) {
        let wanted = span(first, count);
        let plain = claims.iter().map(|(first, count)| span(*first, *count))
            .filter(|s| s.overlaps(wanted)).map(IdSpan::last).max();
        let claims = claims.into_iter()
            .map(|(first, count)| Claim::new(span(first, count), Holder::Nobody("x"))).collect();
        let spans = Spans::new(claims);
        prop_assert_eq!(spans.reach(wanted), plain);
        prop_assert_eq!(spans.first(wanted, &|_| false).is_some(), plain.is_some());
    }
}

mod plans {
    use os_types::plan::JournalPlace;
    use os_types::step::{FileStep, IdBlocksStep, SystemUserStep};
    use os_types::{EntityRef, Plan, PoolPath, Presence, Step};

    use super::super::*;
    use super::span;
    use crate::facts::RunningIds;
    use crate::testing::{facts, pool, pool_with_users, user_text};

    fn plan(steps: Vec<Step>) -> Plan {
        Plan {
            steps,
            touches: vec![EntityRef::Host],
            journal: JournalPlace::Run,
            parallel: Vec::new(),
        }
    }

    /// Writes the file of a user.
    fn user(pool: &str, name: &str, first: u32) -> Step {
        let file = format!("conf/user/{name}.toml");
        Step::File(FileStep {
            path: PoolPath::new(&pool.parse().unwrap(), file).unwrap(),
            before: None,
            after: Some(user_text(first)),
        })
    }

    /// Removes it.
    fn gone(pool: &str, name: &str, first: u32) -> Step {
        let mut step = user(pool, name, first);
        if let Step::File(FileStep { before, after, .. }) = &mut step {
            std::mem::swap(before, after);
        }
        step
    }

    fn blocks(pool: &str, index: u32, to: Presence) -> Step {
        Step::IdBlocks(IdBlocksStep {
            pool: pool.parse().unwrap(),
            range: "default".parse().unwrap(),
            index,
            count: 1,
            owner: Some("user:x".to_owned()),
            to,
        })
    }

    /// `tank` with alice at 2 000 000 and bob after her, `dozer` without users.
    fn two_pools() -> State {
        let mut state = State::new();
        state.insert(pool_with_users("tank", ["alice", "bob"]).0);
        state.insert(pool("dozer"));
        state
    }

    fn refused(steps: Vec<Step>, state: &State, facts: &Facts) -> String {
        let failure = verify(&plan(steps), state, facts).unwrap_err();
        assert_eq!(failure.code, os_types::Code::Overlap);
        failure.message
    }

    #[test]
    fn a_plan_that_gives_ids_of_another_is_refused() {
        let (state, facts) = (two_pools(), facts());
        let message = refused(vec![user("dozer", "carol", 2_000_010)], &state, &facts);
        assert_eq!(
            message,
            "user dozer:carol would have user ids 2000000-2065535, which belong to user tank:alice"
        );
        let message = refused(vec![blocks("dozer", 15, Presence::Present)], &state, &facts);
        assert!(
            message.ends_with("which belong to user tank:alice"),
            "{message}"
        );
        let both = vec![
            user("dozer", "one", 5_000_000),
            user("dozer", "two", 5_000_000),
        ];
        let message = refused(both, &state, &facts);
        assert!(
            message.starts_with("user dozer:one would have"),
            "{message}"
        );
        let fine = [
            user("dozer", "carol", 3_000_000),
            // A setting of alice; her ids stay.
            user("tank", "alice", 2_000_000),
            blocks("dozer", 1, Presence::Present),
        ];
        verify(&plan(fine.to_vec()), &state, &facts).unwrap();
    }

    #[test]
    fn what_the_plan_gives_up_is_free() {
        let (state, facts) = (two_pools(), facts());
        let steps = vec![
            gone("tank", "alice", 2_000_000),
            user("dozer", "carol", 2_000_000),
        ];
        verify(&plan(steps), &state, &facts).unwrap();
    }

    #[test]
    fn ids_of_exported_pools_and_of_what_runs_are_taken() {
        let (mut state, mut facts) = (two_pools(), facts());
        state.remove(&"tank".parse().unwrap());
        let message = refused(vec![user("dozer", "carol", 2_000_000)], &state, &facts);
        assert!(
            message.ends_with("belong to user tank:alice, whose pool is exported"),
            "{message}"
        );
        state.forget(&"tank".parse().unwrap());
        facts.running_ids.push(RunningIds {
            pool: "tank".parse().unwrap(),
            container: "web".parse().unwrap(),
            user: "alice".parse().unwrap(),
            uids: vec![span(2_000_000, 65_536)],
            gids: Vec::new(),
        });
        let message = refused(vec![user("dozer", "carol", 2_000_000)], &state, &facts);
        assert!(
            message.ends_with("container tank:web, which runs"),
            "{message}"
        );
        state.insert(pool_with_users("tank", ["alice", "bob"]).0);
        let register = |name: &str| {
            Step::SystemUser(SystemUserStep {
                pool: "tank".parse().unwrap(),
                user: name.parse().unwrap(),
                to: Presence::Present,
            })
        };
        verify(&plan(vec![register("alice")]), &state, &facts).unwrap();
        facts.running_ids[0].user = "other".parse().unwrap();
        refused(vec![register("alice")], &state, &facts);
    }

    #[test]
    fn a_start_is_checked_against_what_runs() {
        let running = RunningIds {
            pool: "tank".parse().unwrap(),
            container: "web".parse().unwrap(),
            user: "alice".parse().unwrap(),
            uids: Vec::new(),
            gids: vec![span(2_000_000, 65_536)],
        };
        let state = two_pools();
        let tank = &state.pools()[0];
        let doc = tank.users()[&"alice".parse().unwrap()].doc().unwrap();
        let start = |user: &str| {
            let (pool, container) = ("tank".parse().unwrap(), "db".parse().unwrap());
            let maps = (&doc.uid_map, doc.gid_map());
            let user = user.parse().unwrap();
            check_start(
                (&pool, &container, &user),
                maps,
                std::slice::from_ref(&running),
            )
        };
        start("alice").unwrap();
        assert_eq!(
            start("bob").unwrap_err().message,
            "container tank:db would have group ids 2000000-2065535, which belong to container \
             tank:web, which runs"
        );
    }

    #[test]
    fn what_an_operation_has_reserved_is_given_to_nobody_else() {
        let (mut state, facts) = (two_pools(), facts());
        let new = |pool: &str, name: &str| plan(vec![user(pool, name, 9_000_000)]);
        let given = verify(&new("tank", "carol"), &state, &facts).unwrap();
        let (carol, _) = state.reserve(given);
        let taken = refused(vec![user("dozer", "dave", 9_000_000)], &state, &facts);
        assert!(
            taken.contains("user tank:carol, which an operation"),
            "{taken}"
        );
        let claims = Claims::of(&state, &facts);
        assert!(claims.is_free(span(9_000_000, 1)).is_err());
        state.release(carol);
        verify(&new("dozer", "dave"), &state, &facts).unwrap();
    }

    /// It may have to go back.
    #[test]
    fn what_an_operation_takes_away_is_given_to_nobody_else() {
        let (mut state, facts) = (two_pools(), facts());
        let file = |name: &str| {
            let (pool, name) = name.split_once(':').unwrap();
            PoolPath::new(&pool.parse().unwrap(), format!("conf/user/{name}.toml")).unwrap()
        };
        let (tank, alice) = ("tank".parse().unwrap(), "alice".parse().unwrap());
        let deletion = plan(vec![
            gone("tank", "alice", 2_000_000),
            blocks("tank", 1, Presence::Absent),
        ]);
        assert!(changes_ids(&deletion) && !gives_ids(&deletion));
        let taken = verify(&deletion, &state, &facts).unwrap();
        let (reservation, _) = state.reserve(taken.clone());
        state.apply_file(&file("tank:alice"), None);
        for step in [
            user("dozer", "carol", 2_000_000),
            blocks("dozer", 1, Presence::Present),
        ] {
            let message = refused(vec![step], &state, &facts);
            assert!(message.contains("which an operation"), "{message}");
        }
        // Recovery finds half of it done.
        state.release(reservation);
        assert_eq!(verify(&deletion, &state, &facts).unwrap(), taken);
        let (reservation, _) = state.reserve(taken);
        state.insert(pool_with_users("aux", ["eve", "fred"]).0);
        state.apply_file(&file("tank:alice"), Some(&user_text(2_000_000)));
        state.release(reservation);
        assert_eq!(state.disabled(&tank, &alice), None);
        // A disabled user has nothing that could be taken away.
        let eve = plan(vec![gone("aux", "eve", 2_000_000)]);
        assert_eq!(
            verify(&eve, &state, &facts).unwrap(),
            crate::document::RememberedIds::default()
        );
    }
}
